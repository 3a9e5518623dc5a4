"""What intake is told from outside beside what every service is told."""

import tempfile
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class IntakeSettings(BaseSettings):
    """Settings of intake; each is an environment variable with the prefix `SRDI_`."""

    model_config = SettingsConfigDict(
        env_prefix="SRDI_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    documents_url: str = Field(
        description="Where documents are kept: file:///a/folder, or s3://bucket/prefix with the"
        " AWS_… variables of its account"
    )
    spool_folder: Path = Field(
        default=Path(tempfile.gettempdir()) / "srdi-spool",
        description="Where files lie while they arrive. On a disk, not in memory.",
    )
    scanner: str | None = Field(
        default=None,
        description="clamd's address, tcp://host:3310 or unix:///path: a file is held until it was"
        " found clean. None holds nothing.",
    )
    register_extract: Path | None = Field(
        default=None, description="CSV extract of the market register, for pre-filling"
    )
    register_name: str = Field(
        default="market_register", description="What the extract is called in the provenance"
    )
    largest_workbook_megabytes: int = Field(default=20, ge=1, le=100)

    @classmethod
    def in_folder(
        cls,
        folder: Path,
        *,
        register_extract: Path | None = None,
        register_name: str = "market_register",
    ) -> "IntakeSettings":
        """Return settings that keep everything in one folder of this machine."""
        absolute = folder.absolute()
        return cls(
            documents_url=f"file://{absolute}/documents",
            spool_folder=absolute / "spool",
            register_extract=register_extract,
            register_name=register_name,
        )
