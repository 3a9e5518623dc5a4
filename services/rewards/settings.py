"""What rewards is told from outside beside what every service is told."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.kernel.identity.keys import create_key


class RewardsSettings(BaseSettings):
    """Settings of rewards; each is an environment variable with the prefix `SRDI_`."""

    model_config = SettingsConfigDict(
        env_prefix="SRDI_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    seal_keys_folder: Path = Field(
        description="Private P-256 keys that sign batches and statements, one <name>.pem each. The"
        " newest name signs; the others are only published. They are not the registry's."
    )
    public_url: str = Field(
        default="https://srdi.example.gov.cn",
        description="Where others reach the gateway: it stands in what is signed as the issuer.",
    )

    @classmethod
    def in_folder(
        cls, folder: Path, *, public_url: str = "http://127.0.0.1:8000"
    ) -> "RewardsSettings":
        """Return settings that keep everything in one folder of this machine; makes a first key."""
        keys = folder.absolute() / "rewards-seal"
        if not any(keys.glob("*.pem")):
            create_key(keys, "0001")
        return cls(seal_keys_folder=keys, public_url=public_url)
