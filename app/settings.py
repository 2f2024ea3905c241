"""The settings of the service: the chain's and its doors'. The only place under app/ that reads the environment."""

from __future__ import annotations

import re
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from chains.settings import ChainSettings

FRAME_LIMIT = 128 * 1024  # bytes of a turn or a frame; the longest legal turn, in Urdu as JSON, is 72 KB


class Settings(ChainSettings):
    """Field names are the variables' names in lower case. `space_id` and `space_host` are set by Hugging Face."""

    allowed_origins: str = "http://localhost:3000"
    allowed_origin_regex: str | None = None
    environment: Literal["development", "production"] = "development"
    host: str = "0.0.0.0"
    port: int = Field(default=7860, ge=0, le=65_535)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["auto", "console", "json"] = "auto"
    secret_key: str | None = Field(default=None, min_length=16)
    admin_token: str | None = Field(default=None, min_length=8)
    langserve_playground: bool = False
    shutdown_grace: float = Field(default=8, ge=0)
    space_id: str | None = None
    space_host: str | None = None

    @field_validator("log_level", mode="before")
    @classmethod
    def upper_case(cls, level: object) -> object:
        return level.upper() if isinstance(level, str) else level

    @field_validator("allowed_origin_regex")
    @classmethod
    def compilable(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as error:
            raise ValueError(f"is not a regular expression: {error}") from None
        return pattern

    @model_validator(mode="after")
    def production_on_a_space(self) -> Self:
        if self.space_id and "environment" not in self.model_fields_set:
            object.__setattr__(self, "environment", "production")
        return self

    @model_validator(mode="after")
    def origins_are_origins(self) -> Self:
        for origin in self.origins:
            if origin == "*":
                if self.production:
                    raise ValueError(
                        "ALLOWED_ORIGINS: '*' is refused in production; name the origins, separated by commas"
                    )
                continue
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query:
                raise ValueError(
                    "ALLOWED_ORIGINS: each origin is a scheme and a host, such as https://your-app.vercel.app"
                )
        return self

    @property
    def origins(self) -> list[str]:
        """The allowed origins, without trailing slashes."""
        return [origin for part in self.allowed_origins.split(",") if (origin := part.strip().rstrip("/"))]

    @property
    def production(self) -> bool:
        return self.environment == "production"


def require_what_is_chosen(settings: ChainSettings) -> None:
    """For what only a provider's module can judge. The usual settings import nothing here.

    Raises:
        SettingsError: a package or a length of vectors that the settings ask for is not to be had.
    """
    usual = settings.chat_providers[0] in ("gemini", "cohere", "local") and settings.embedding_dimensions is None
    if not usual:
        from chains.providers import require_what_is_chosen as require

        require(settings)
