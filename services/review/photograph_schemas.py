"""What review answers about photographs."""

from datetime import datetime
from uuid import UUID

from services.kernel.schemas import Out


class PhotographOut(Out):
    id: UUID
    sha256: str
    size: int
    media_type: str
    file_name: str | None
    uploaded_at: datetime
