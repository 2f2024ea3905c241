"""The settings of the service: the chain's and its doors'. The only place under app/ that reads the environment."""

from __future__ import annotations

import os
import re
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from app.allowances import NO_LIMIT, check_rate, read_budget
from chains.hosts import is_public
from chains.setting_problems import Disagreement, SettingProblem
from chains.settings import ChainSettings

# How packages of LangChain's other providers, libpq and platforms name theirs.
FOREIGN_SECRET = re.compile(r".*(_API_KEY|_ACCESS_KEY|_TOKEN|_SECRET|_PASSWORD)|PGPASSWORD", re.IGNORECASE)
FOREIGN_LENGTH = 8  # characters at least, for not all that bears such a name is a secret
LIMITS = ("rate_visitor", "rate_address", "rate_site", "budget_visitor", "budget_site")
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
    retention_days: int | None = Field(default=90, ge=1, le=36_500)
    allowed_hosts: str | None = None
    trusted_proxies: int = Field(default=0, ge=0, le=10)
    rate_visitor: str = "10/minute; 100/hour"
    rate_address: str = "30/minute; 300/hour"
    rate_site: str = "60/minute; 600/hour"
    budget_visitor: str = "100 turns; 500000 tokens"
    budget_site: str = "1000 turns; 5000000 tokens"
    max_running_turns: int = Field(default=200, ge=1)
    redis_url: str | None = Field(default=None, repr=False)
    otel_exporter_otlp_endpoint: str | None = None
    otel_service_name: str = "docent"
    hf_token: str | None = Field(default=None, repr=False)
    newcomer_check: str | None = None
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

    @field_validator("rate_visitor", "rate_address", "rate_site")
    @classmethod
    def rate(cls, text: str) -> str:
        return check_rate(text)

    @field_validator("budget_visitor", "budget_site")
    @classmethod
    def budget(cls, text: str) -> str:
        read_budget(text)
        return text

    @field_validator("retention_days", mode="before")
    @classmethod
    def retention(cls, days: object) -> object:
        """`none` keeps conversations until their reader erases them. 0 could mean that, or the contrary."""
        return None if isinstance(days, str) and days.lower() == NO_LIMIT else days

    @field_validator("redis_url")
    @classmethod
    def address_of_redis(cls, url: str | None) -> str | None:
        return None if url is None else _checked_redis(url)

    @model_validator(mode="before")
    @classmethod
    def defaults_of_the_place(cls, values: dict[str, Any]) -> dict[str, Any]:
        """A Space is production, behind one proxy. In development who asks is the author, and often by a program."""
        if values.get("space_id"):
            values = {"environment": "production", "trusted_proxies": 1} | values
        if values.get("environment", "development") != "production":
            values = dict.fromkeys(LIMITS, NO_LIMIT) | values
        return values

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
    def hosts(self) -> list[str]:
        """The allowed host names in lower case; none when all are."""
        return [name for part in (self.allowed_hosts or "").split(",") if (name := part.strip().lower())]

    @property
    def secrets(self) -> set[str]:
        """The settings' own, and what else in the environment bears a secret's name."""
        named = {value for name, value in os.environ.items() if FOREIGN_SECRET.fullmatch(name)}
        return super().secrets | {value for value in named if len(value) >= FOREIGN_LENGTH}

    @property
    def production(self) -> bool:
        return self.environment == "production"


def _checked_redis(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("its host or port cannot be read") from None
    if parts.scheme not in ("redis", "rediss", "valkey", "valkeys") or not parts.hostname:
        raise ValueError(
            "begins with redis:// or rediss:// and a host, such as rediss://:password@cache.example.com:6379"
        )
    if parts.scheme in ("redis", "valkey") and is_public(parts.hostname):
        raise ValueError("a public host must be rediss, or its password would travel in plain text")
    return url


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.path or parts.query)


class NamedSettings(Settings):
    """Of a file that was asked for by its name: what it says wins over the environment, which it is compared with."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, dotenv_settings, env_settings, file_secret_settings


def require_what_is_chosen(settings: ChainSettings) -> None:
    """For what only a provider's module can judge. The usual settings import nothing here.

    Raises:
        SettingsError: a package or a length of vectors that the settings ask for is not to be had.
    """
    usual = settings.chat_providers[0] in ("gemini", "cohere", "local") and settings.embedding_dimensions is None
    if not usual:
        from chains.providers import require_what_is_chosen as require

        require(settings)
