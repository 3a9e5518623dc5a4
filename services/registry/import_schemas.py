"""What the registry answers about imports of older lists."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from services.kernel.schemas import Out
from services.kernel.text import Language
from services.kernel.workbooks.imports import IfErrors, ImportState
from services.kernel.workbooks.schemas import (
    RefusalOut,
    RowErrorOut,
    refusal_out,
    row_error_out,
)
from services.registry.import_models import OlderRowOutcome
from services.registry.import_service import RecognitionImportReport


class RecognitionImportOut(Out):
    """历史名单导入任务。How far an import of an older list has come, and what became of its rows."""

    id: UUID
    if_errors: IfErrors
    region: str
    sent_by: str
    file_name: str | None
    sha256: str
    state: ImportState
    done: int
    total: int = Field(
        description="文件的行数；尚未读取时为 0。Rows of the file; 0 until it was read."
    )
    recorded: int
    already_there: int = Field(
        description="名录中已有相同登记的行。Rows of which the same was on record."
    )
    error_count: int
    errors: list[RowErrorOut] = Field(
        description="前 200 条；全部见 /errors。The first 200; /errors has them all."
    )
    refusal: RefusalOut | None = Field(
        description="整个文件未导入的原因。Why nothing of the file was taken over."
    )
    created_at: datetime
    finished_at: datetime | None


class RecognitionImportRowOut(Out):
    row: int
    uscc: str
    title: str
    outcome: OlderRowOutcome


def recognition_import_out(
    report: RecognitionImportReport, language: Language
) -> RecognitionImportOut:
    of, outcomes = report.of, report.outcomes
    return RecognitionImportOut(
        id=of.id,
        if_errors=of.if_errors,
        region=of.region,
        sent_by=of.sent_by["sub"],
        file_name=of.file_name,
        sha256=of.sha256,
        state=of.state,
        done=of.done,
        total=of.total,
        recorded=outcomes.get(OlderRowOutcome.RECORDED, 0),
        already_there=outcomes.get(OlderRowOutcome.ALREADY_THERE, 0),
        error_count=of.error_count,
        errors=[row_error_out(one, language) for one in report.errors],
        refusal=refusal_out(of.refusal, language),
        created_at=of.created_at,
        finished_at=of.finished_at,
    )
