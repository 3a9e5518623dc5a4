"""What the gateway is told from outside, read once when it starts."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class GatewaySettings(BaseSettings):
    """Settings of the gateway; each is an environment variable with the prefix `SRDI_`."""

    model_config = SettingsConfigDict(env_prefix="SRDI_", extra="ignore", frozen=True)

    issuer: str = Field(default="https://srdi.example.gov.cn", description="`iss` of its tokens")
    keys_folder: Path = Field(
        description="Private P-256 keys, one <name>.pem each. The newest name signs; the others"
        " are only published, so that tokens signed before a rotation still verify."
    )
    clients_file: Path = Field(description="TOML file of the clients that may ask for tokens")
    services: dict[str, str] = Field(
        description='Addresses of the services: {"review": "http://review:8000", …}'
    )
    log_format: str = Field(default="json", pattern="^(json|console)$")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
