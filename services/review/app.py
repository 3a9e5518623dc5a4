"""The review service: the stages a case goes through, public notice, objections."""

from collections.abc import Sequence

from fastapi import FastAPI

from services.kernel.service_app import Environment, ServiceParts, Worker, create_service_app
from services.kernel.storage import ContentStore
from services.kernel.transaction import Runtime
from services.policy.catalogue import published_catalogue
from services.review import (
    case_endpoints,
    consumers,
    list_endpoints,
    notice_endpoints,
    panel_endpoints,
    photograph_endpoints,
)
from services.review.calendar_keeper import CalendarKeeper
from services.review.models import tables
from services.review.photograph_keeper import PhotographKeeper
from services.review.photograph_service import LARGEST_PHOTOGRAPH
from services.review.settings import ReviewSettings

PARTS = ServiceParts(
    name="review",
    title="审核服务 · Review",
    description="推荐、审核、评审、审定、公示、异议。The stages of review, notices and objections.",
    tables=tables,
    routers=(
        case_endpoints.router,
        list_endpoints.router,
        panel_endpoints.router,
        notice_endpoints.router,
        photograph_endpoints.uploads,
        photograph_endpoints.router,
    ),
    subscriptions=consumers.SUBSCRIPTIONS,
)


def create_app(environment: Environment, settings: ReviewSettings) -> FastAPI:
    catalogue = published_catalogue()
    store = ContentStore(settings.photographs_url)
    spool = settings.spool_folder
    spool.mkdir(parents=True, exist_ok=True)

    def workers(runtime: Runtime) -> Sequence[Worker]:
        return (PhotographKeeper(runtime, store, spool), CalendarKeeper(runtime, catalogue))

    app = create_service_app(PARTS, environment, workers=workers)
    app.state.catalogue = catalogue
    app.state.store = store
    app.state.spool = spool
    app.state.largest_upload = LARGEST_PHOTOGRAPH
    return app


def from_environment() -> FastAPI:
    """Build the app from environment variables: `uvicorn --factory` starts here."""
    return create_app(Environment.from_settings("review"), ReviewSettings())
