"""What the registry is told from outside beside what every service is told."""

import tempfile
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.kernel.identity.keys import create_key


class RegistrySettings(BaseSettings):
    """Settings of the registry; each is an environment variable with the prefix `SRDI_`."""

    model_config = SettingsConfigDict(
        env_prefix="SRDI_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    seal_keys_folder: Path = Field(
        description="Private P-256 keys that sign certificates and the status list, one <name>.pem"
        " each. The newest name signs; the others are only published. They are not the gateway's."
    )
    public_url: str = Field(
        default="https://srdi.example.gov.cn",
        description="Where the public reaches the gateway: it stands in QR codes for years.",
    )
    spool_folder: Path = Field(
        default=Path(tempfile.gettempdir()) / "srdi-registry-spool",
        description="Where workbooks lie while they arrive. On a disk, not in memory.",
    )

    @classmethod
    def in_folder(
        cls, folder: Path, *, public_url: str = "http://127.0.0.1:8000"
    ) -> "RegistrySettings":
        """Return settings that keep everything in one folder of this machine; makes a first key."""
        absolute = folder.absolute()
        keys = absolute / "seal"
        if not any(keys.glob("*.pem")):
            create_key(keys, "0001")
        return cls(
            seal_keys_folder=keys, public_url=public_url, spool_folder=absolute / "registry-spool"
        )
