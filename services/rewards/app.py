"""The rewards service: schedules, entitlement, awards, disbursement, recovery."""

import asyncio
from collections.abc import Sequence

from fastapi import FastAPI

from services.kernel.identity.keys import read_keys
from services.kernel.service_app import Environment, ServiceParts, Worker, create_service_app
from services.kernel.transaction import Runtime
from services.policy.catalogue import published_catalogue
from services.rewards import (
    award_endpoints,
    consumers,
    disbursement_endpoints,
    paper_endpoints,
    reconciliation_endpoints,
    recovery_endpoints,
    run_endpoints,
    schedule_endpoints,
    simulation_endpoints,
    statement_endpoints,
)
from services.rewards.models import tables
from services.rewards.paper_service import YEARS_AT_ONCE, Issuer
from services.rewards.run_worker import RunWorker
from services.rewards.settings import RewardsSettings

PARTS = ServiceParts(
    name="rewards",
    title="奖励服务 · Rewards",
    description="奖励标准、就高测算、奖励、拨付、追回、对账。Schedules, calculations, awards, payment,"
    " recovery, reconciliation.",
    tables=tables,
    # Routes are tried in this order: what is asked most often stands first.
    routers=(
        award_endpoints.questions,
        award_endpoints.router,
        # Before the batch by its number alone: "….jws" is no part of one.
        paper_endpoints.router,
        statement_endpoints.router,
        disbursement_endpoints.router,
        recovery_endpoints.router,
        reconciliation_endpoints.router,
        run_endpoints.router,
        schedule_endpoints.router,
        simulation_endpoints.router,
    ),
    subscriptions=(consumers.from_registry,),
)


def create_app(environment: Environment, settings: RewardsSettings) -> FastAPI:
    catalogue = published_catalogue()

    def workers(runtime: Runtime) -> Sequence[Worker]:
        return (RunWorker(runtime, catalogue),)

    app = create_service_app(PARTS, environment, workers=workers)
    app.state.catalogue = catalogue
    app.state.issuer = Issuer(read_keys(settings.seal_keys_folder), settings.public_url.rstrip("/"))
    app.state.paper_places = asyncio.Semaphore(YEARS_AT_ONCE)
    return app


def from_environment() -> FastAPI:
    """Build the app from environment variables: `uvicorn --factory` starts here."""
    return create_app(Environment.from_settings("rewards"), RewardsSettings())
