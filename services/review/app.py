"""The review service: the stages a case goes through, public notice, objections."""

from fastapi import FastAPI

from services.kernel.service_app import Environment, ServiceParts, create_service_app
from services.policy.catalogue import published_catalogue
from services.review import consumers, endpoints
from services.review.models import tables

PARTS = ServiceParts(
    name="review",
    title="审核服务 · Review",
    description="推荐、审核、评审、审定、公示、异议。The stages of review, notices and objections.",
    tables=tables,
    routers=(endpoints.router,),
    subscriptions=(consumers.from_applications,),
)


def create_app(environment: Environment) -> FastAPI:
    app = create_service_app(PARTS, environment)
    app.state.catalogue = published_catalogue()
    return app


def from_environment() -> FastAPI:
    """Build the app from environment variables: `uvicorn --factory` starts here."""
    return create_app(Environment.from_settings("review"))
