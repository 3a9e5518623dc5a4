"""The intake service: rounds, applications, documents, imports, eligibility."""

from collections.abc import Sequence

from fastapi import FastAPI

from services.applications import (
    consumers,
    contact_endpoints,
    document_endpoints,
    endpoints,
    import_endpoints,
    mandate_endpoints,
    reference_endpoints,
    round_endpoints,
)
from services.applications.content_keeper import ContentKeeper
from services.applications.import_worker import ApplicationImportWorker
from services.applications.models import tables
from services.applications.register import CsvExtract
from services.applications.scanning import scanner_from
from services.applications.settings import IntakeSettings
from services.kernel.service_app import Environment, ServiceParts, Worker, create_service_app
from services.kernel.storage import ContentStore
from services.kernel.transaction import Runtime
from services.policy.catalogue import published_catalogue

PARTS = ServiceParts(
    name="applications",
    title="申报服务 · Intake",
    description="申报批次、申报、材料、批量导入、条件自测。"
    " Rounds, applications, documents, imports and eligibility.",
    tables=tables,
    routers=(
        round_endpoints.router,
        endpoints.router,
        endpoints.register_questions,
        document_endpoints.router,
        contact_endpoints.router,
        mandate_endpoints.router,
        import_endpoints.uploads,
        import_endpoints.router,
        endpoints.questions,
        reference_endpoints.router,
    ),
    subscriptions=(consumers.from_review, consumers.from_registry),
)


def create_app(environment: Environment, settings: IntakeSettings) -> FastAPI:
    catalogue = published_catalogue()
    store = ContentStore(settings.documents_url)
    scanner = scanner_from(settings.scanner)
    spool = settings.spool_folder
    spool.mkdir(parents=True, exist_ok=True)

    def workers(runtime: Runtime) -> Sequence[Worker]:
        return (
            ContentKeeper(runtime, store, scanner, spool),
            ApplicationImportWorker(
                runtime, catalogue, store, spool, has_scanner=scanner is not None
            ),
        )

    app = create_service_app(PARTS, environment, workers=workers)
    app.state.catalogue = catalogue
    app.state.store = store
    app.state.scanner = scanner
    app.state.spool = spool
    app.state.largest_upload = settings.largest_workbook_megabytes * 1024 * 1024
    app.state.register = (
        None
        if settings.register_extract is None
        else CsvExtract(settings.register_extract, name=settings.register_name)
    )
    return app


def from_environment() -> FastAPI:
    """Build the app from environment variables: `uvicorn --factory` starts here."""
    return create_app(Environment.from_settings("applications"), IntakeSettings())
