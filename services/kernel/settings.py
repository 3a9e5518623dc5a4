"""What a deployed service is told from outside, read once when it starts."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Settings of one service; each is an environment variable with the prefix `SRDI_`."""

    model_config = SettingsConfigDict(env_prefix="SRDI_", extra="ignore", frozen=True)

    database_url: str = Field(
        description="postgresql+asyncpg://… of the service's own login, which reaches one schema"
    )
    database_pool_size: int = Field(default=10, ge=1, le=200)
    issuer: str = Field(
        default="https://srdi.example.gov.cn", description="`iss` that a token must carry"
    )
    gateway_url: str = Field(
        default="http://gateway:8000", description="Where JWKS and service tokens come from"
    )
    client_id: str | None = Field(
        default=None, description="The service's client at the gateway; service-<name> if not said"
    )
    client_secret: SecretStr = Field(description="Its secret")
    feeds: dict[str, str] = Field(
        default_factory=dict,
        description='Addresses of the services whose events are read: {"review": "http://review:8000"}',
    )
    log_format: str = Field(default="json", pattern="^(json|console)$")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")


AUDIENCE = "srdi"
