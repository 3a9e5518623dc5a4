"""The intake service: rounds, applications, eligibility."""

from fastapi import FastAPI

from services.applications import consumers, endpoints, reference_endpoints
from services.applications.models import tables
from services.kernel.service_app import Environment, ServiceParts, create_service_app
from services.policy.catalogue import published_catalogue

PARTS = ServiceParts(
    name="applications",
    title="申报服务 · Intake",
    description="申报批次、申报、条件自测。Rounds, applications and eligibility.",
    tables=tables,
    routers=(endpoints.router, endpoints.questions, reference_endpoints.router),
    subscriptions=(consumers.from_review, consumers.from_registry),
)


def create_app(environment: Environment) -> FastAPI:
    app = create_service_app(PARTS, environment)
    app.state.catalogue = published_catalogue()
    return app


def from_environment() -> FastAPI:
    """Build the app from environment variables: `uvicorn --factory` starts here."""
    return create_app(Environment.from_settings("applications"))
