"""What review is told from outside beside what every service is told."""

import tempfile
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ReviewSettings(BaseSettings):
    """Settings of review; each is an environment variable with the prefix `SRDI_`."""

    model_config = SettingsConfigDict(
        env_prefix="SRDI_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    photographs_url: str = Field(
        description="Where photographs of site visits are kept: file:///a/folder, or"
        " s3://bucket/prefix with the AWS_… variables of its account. Theirs alone: what no"
        " photograph refers to is swept away."
    )
    spool_folder: Path = Field(
        default=Path(tempfile.gettempdir()) / "srdi-review-spool",
        description="Where files lie while they arrive. On a disk, not in memory.",
    )

    @classmethod
    def in_folder(cls, folder: Path) -> "ReviewSettings":
        """Return settings that keep everything in one folder of this machine."""
        absolute = folder.absolute()
        return cls(
            photographs_url=f"file://{absolute}/photographs",
            spool_folder=absolute / "review-spool",
        )
