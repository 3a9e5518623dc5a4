"""The registry service: who is recognised from when to when."""

import asyncio
from collections.abc import Sequence

from fastapi import FastAPI

from services.kernel.identity.keys import read_keys
from services.kernel.service_app import Environment, ServiceParts, Worker, create_service_app
from services.kernel.transaction import Runtime
from services.policy.catalogue import published_catalogue
from services.registry import (
    bulletin_endpoints,
    consumers,
    enterprise_endpoints,
    export_endpoints,
    following_endpoints,
    import_endpoints,
    public_endpoints,
    recognition_endpoints,
    renewal_endpoints,
    screening_endpoints,
    verification_endpoints,
)
from services.registry.certificate_service import Seal, SignedLists
from services.registry.common_parts import CommonParts
from services.registry.import_worker import RecognitionImportWorker
from services.registry.models import tables
from services.registry.screening_worker import ScreeningWorker
from services.registry.settings import RegistrySettings

LARGEST_WORKBOOK = 20 * 1024 * 1024
"""In bytes: what the longest list that is taken fills."""
EXPORTS_AT_ONCE = 2
"""Each keeps a connection for as long as its reader takes."""

PARTS = ServiceParts(
    name="registry",
    title="名录服务 · Registry",
    description="认定、有效期、核验、复核、撤销、跟踪、公开名录。Recognitions, terms, verification,"
    " renewal, revocation, what is followed between them, and the public register.",
    tables=tables,
    # Routes are tried in this order: what is asked most often stands first.
    routers=(
        verification_endpoints.router,
        public_endpoints.questions,
        enterprise_endpoints.router,
        recognition_endpoints.router,
        renewal_endpoints.router,
        following_endpoints.router,
        screening_endpoints.router,
        import_endpoints.uploads,
        import_endpoints.router,
        bulletin_endpoints.router,
        export_endpoints.exports,
        export_endpoints.router,
        public_endpoints.router,
    ),
    subscriptions=(
        consumers.from_review,
        consumers.from_applications,
        consumers.steps_from_review,
        consumers.figures_from_applications,
        consumers.from_rewards,
    ),
)


def create_app(environment: Environment, settings: RegistrySettings) -> FastAPI:
    catalogue = published_catalogue()
    spool = settings.spool_folder
    spool.mkdir(parents=True, exist_ok=True)

    def workers(runtime: Runtime) -> Sequence[Worker]:
        return (
            RecognitionImportWorker(runtime, catalogue, spool),
            ScreeningWorker(runtime, catalogue),
        )

    app = create_service_app(PARTS, environment, workers=workers)
    app.state.catalogue = catalogue
    app.state.seal = Seal(read_keys(settings.seal_keys_folder), settings.public_url.rstrip("/"))
    app.state.signed_lists = SignedLists()
    app.state.common_parts = CommonParts(environment.database)
    app.state.spool = spool
    app.state.largest_upload = LARGEST_WORKBOOK
    app.state.export_places = asyncio.Semaphore(EXPORTS_AT_ONCE)
    return app


def from_environment() -> FastAPI:
    """Build the app from environment variables: `uvicorn --factory` starts here."""
    return create_app(Environment.from_settings("registry"), RegistrySettings())
