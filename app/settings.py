"""The settings of the service: the chain's and its doors'. The only place under app/ that reads the environment."""

from __future__ import annotations

import os
import re
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from chains.setting_problems import Disagreement, SettingProblem
from chains.settings import ChainSettings

# How packages of LangChain's other providers, libpq and platforms name theirs.
FOREIGN_SECRET = re.compile(r".*(_API_KEY|_ACCESS_KEY|_TOKEN|_SECRET|_PASSWORD)|PGPASSWORD", re.IGNORECASE)
FOREIGN_LENGTH = 8  # characters at least, for not all that bears such a name is a secret
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
    secret_key: str | None = Field(default=None, min_length=16, repr=False)
    admin_token: str | None = Field(default=None, min_length=8, repr=False)
    langserve_playground: bool = False
    shutdown_grace: float = Field(default=8, ge=0)
    resume_grace: float = Field(default=60, gt=0)
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

    @model_validator(mode="before")
    @classmethod
    def production_on_a_space(cls, values: dict[str, Any]) -> dict[str, Any]:
        on_a_space = bool(values.get("space_id")) and "environment" not in values
        return values | {"environment": "production"} if on_a_space else values

    def disagreements(self) -> list[Disagreement]:
        """Besides: origins that no site has, or that are too many for production."""
        problem = self._problem_of_origins()
        own = [Disagreement(SettingProblem("ALLOWED_ORIGINS", problem), "ALLOWED_ORIGINS")] if problem else []
        return [*super().disagreements(), *own]

    def _problem_of_origins(self) -> str | None:
        if "*" in self.origins and self.production:
            return "'*' is refused in production; name the origins, separated by commas"
        for origin in self.origins:
            if origin != "*" and not _is_origin(origin):
                return "each origin is a scheme and a host, such as https://your-app.vercel.app"
        return None

    @property
    def origins(self) -> list[str]:
        """The allowed origins, without trailing slashes."""
        return [origin for part in self.allowed_origins.split(",") if (origin := part.strip().rstrip("/"))]

    @property
    def secrets(self) -> set[str]:
        """The settings' own, and what else in the environment bears a secret's name."""
        named = {value for name, value in os.environ.items() if FOREIGN_SECRET.fullmatch(name)}
        return super().secrets | {value for value in named if len(value) >= FOREIGN_LENGTH}

    @property
    def production(self) -> bool:
        return self.environment == "production"


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.path or parts.query)


def require_what_is_chosen(settings: ChainSettings) -> None:
    """For what only a provider's module can judge. The usual settings import nothing here.

    Raises:
        SettingsError: a package or a length of vectors that the settings ask for is not to be had.
    """
    usual = settings.chat_providers[0] in ("gemini", "cohere", "local") and settings.embedding_dimensions is None
    if not usual:
        from chains.providers import require_what_is_chosen as require

        require(settings)
