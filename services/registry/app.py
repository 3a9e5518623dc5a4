"""The registry service: who is recognised from when to when."""

from fastapi import FastAPI

from services.kernel.service_app import Environment, ServiceParts, create_service_app
from services.policy.catalogue import published_catalogue
from services.registry import consumers, endpoints
from services.registry.models import tables

PARTS = ServiceParts(
    name="registry",
    title="名录服务 · Registry",
    description="认定、有效期、核验、撤销、公开名录。Recognitions, terms, verification, revocation.",
    tables=tables,
    routers=(endpoints.router,),
    subscriptions=(consumers.from_review, consumers.from_applications),
)


def create_app(environment: Environment) -> FastAPI:
    app = create_service_app(PARTS, environment)
    app.state.catalogue = published_catalogue()
    return app


def from_environment() -> FastAPI:
    """Build the app from environment variables: `uvicorn --factory` starts here."""
    return create_app(Environment.from_settings("registry"))
