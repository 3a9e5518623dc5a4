"""The rewards service: schedules, entitlement, awards, disbursement, recovery."""

from fastapi import FastAPI

from services.kernel.service_app import Environment, ServiceParts, create_service_app
from services.policy.catalogue import published_catalogue
from services.rewards import consumers, endpoints
from services.rewards.models import tables

PARTS = ServiceParts(
    name="rewards",
    title="奖励服务 · Rewards",
    description="奖励标准、就高测算、奖励、拨付、追回。Schedules, calculations, awards, recovery.",
    tables=tables,
    routers=(endpoints.router,),
    subscriptions=(consumers.from_registry,),
)


def create_app(environment: Environment) -> FastAPI:
    app = create_service_app(PARTS, environment)
    app.state.catalogue = published_catalogue()
    return app


def from_environment() -> FastAPI:
    """Build the app from environment variables: `uvicorn --factory` starts here."""
    return create_app(Environment.from_settings("rewards"))
