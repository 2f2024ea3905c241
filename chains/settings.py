"""The settings of the chain: the only place under chains/ that reads the environment."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, PrivateAttr, ValidationError, ValidatorFunctionWrapHandler, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from chains.errors import SettingsError
from chains.remote_postgres import read_address
from chains.setting_problems import (
    UNTIDY,
    Disagreement,
    Disagreements,
    SettingProblem,
    checked_address,
    problems_in,
    tidied,
)

CHAT_PROVIDERS = ("auto", "gemini", "cohere", "openai_compatible", "local")

CLUSTER = "https://example.eu-central-1.aws.cloud.qdrant.io"

_LANGCHAINS = re.compile(r"[a-z][a-z0-9_]*:\S+")
_NEEDS = {
    "gemini": ("GEMINI_API_KEY",),
    "cohere": ("COHERE_API_KEY",),
    "openai_compatible": ("OPENAI_BASE_URL", "OPENAI_MODEL"),
}

log = logging.getLogger(__name__)


class ChainSettings(BaseSettings):
    """What the chain, the index and the history need to know. Field names are the variables' names in lower case.

    `repr=False` marks what is secret, or an address with a password in it.
    """

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True)

    chat_provider: str = "auto"
    gemini_api_key: str | None = Field(default=None, repr=False)
    gemini_model: str = "gemini-3.5-flash"
    gemini_base_url: str | None = None
    cohere_api_key: str | None = Field(default=None, repr=False)
    cohere_model: str = "command-a-03-2025"
    cohere_base_url: str | None = None
    openai_base_url: str | None = None
    openai_api_key: str | None = Field(default=None, repr=False)
    openai_model: str | None = None
    embedding_provider: Literal["auto", "gemini", "cohere", "local"] = "auto"
    gemini_embedding_model: str = "gemini-embedding-2"
    cohere_embedding_model: str = "embed-v4.0"
    embedding_dimensions: int | None = Field(default=None, ge=1, le=4096)
    rerank_provider: Literal["auto", "cohere", "none"] = "auto"
    cohere_rerank_model: str = "rerank-v4.0-fast"
    qdrant_url: str | None = None
    qdrant_api_key: str | None = Field(default=None, repr=False)
    qdrant_collection: str = Field(default="docusaurus-book", pattern=r"^[A-Za-z0-9._-]{1,200}$")
    qdrant_vector_name: str | None = None
    qdrant_content_key: str = "page_content"
    qdrant_metadata_key: str = "metadata"
    qdrant_url_key: str = "url"
    qdrant_title_key: str = "title"
    database_url: str | None = Field(default=None, repr=False)
    data_dir: Path = Path(".docent")
    docs: Path = Path("docs")
    site_url: str | None = None
    route_base_path: str | None = None
    embed_model_dir: Path | None = None
    embedded_pg_bin: Path | None = None
    turn_deadline: float = Field(default=60, gt=0)
    connect_timeout: float = Field(default=5, gt=0)
    embed_timeout: float = Field(default=5, gt=0)
    retrieve_timeout: float = Field(default=8, gt=0)
    rerank_timeout: float = Field(default=3, gt=0)
    first_token_timeout: float = Field(default=20, gt=0)
    between_tokens_timeout: float = Field(default=15, gt=0)

    _untidy: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="wrap")
    @classmethod
    def strip_blanks_and_quotes(cls, values: dict[str, Any], handler: ValidatorFunctionWrapHandler) -> Self:
        """An empty variable is an absent one."""
        clean = {name: tidied(value) for name, value in values.items()}
        untidy = tuple(name.upper() for name, value in values.items() if clean[name] != value)
        for name in untidy:
            log.warning("%s %s", name, UNTIDY)
        settings: Self = handler({name: value for name, value in clean.items() if value != ""})
        settings._untidy = untidy
        return settings

    @field_validator("qdrant_url")
    @classmethod
    def address_of_a_server(cls, url: str | None) -> str | None:
        return None if url is None else checked_address(url, CLUSTER)

    @field_validator("database_url")
    @classmethod
    def address_of_a_database(cls, url: str | None) -> str | None:
        if url is not None:
            read_address(url)
        return url

    @field_validator("gemini_base_url", "cohere_base_url", "openai_base_url")
    @classmethod
    def address_of_a_provider(cls, url: str | None) -> str | None:
        return None if url is None else checked_address(url, "https://llm.example.com/v1")

    @field_validator("chat_provider")
    @classmethod
    def known_or_langchains(cls, provider: str) -> str:
        if provider not in CHAT_PROVIDERS and not _LANGCHAINS.fullmatch(provider):
            raise ValueError(
                f"is one of {', '.join(CHAT_PROVIDERS)}, or a provider and a model of LangChain, such as "
                "anthropic:claude-sonnet-4-5"
            )
        return provider

    @model_validator(mode="after")
    def values_agree(self) -> Self:
        if found := self.disagreements():
            raise Disagreements(found)
        return self

    def disagreements(self) -> list[Disagreement]:
        """Providers that were chosen and lack what they need."""
        chosen = {
            "CHAT_PROVIDER": self.chat_provider,
            "EMBEDDING_PROVIDER": self.embedding_provider,
            "RERANK_PROVIDER": self.rerank_provider,
        }
        return [
            Disagreement(SettingProblem(needed, f"{variable}={provider} needs it"), variable)
            for variable, provider in chosen.items()
            for needed in _NEEDS.get(provider, ())
            if getattr(self, needed.lower()) is None
        ]

    @property
    def untidy(self) -> tuple[str, ...]:
        """The variables whose values had blanks or quotes around them."""
        return self._untidy

    @property
    def chat_providers(self) -> list[str]:
        """Who answers, and who stands in: the first keyed provider that was not chosen. A local model needs nobody."""
        keyed = [name for name in ("gemini", "cohere") if getattr(self, f"{name}_api_key")]
        chosen = (keyed or ["local"])[0] if self.chat_provider == "auto" else self.chat_provider
        if chosen == "local":
            return [chosen]
        return [chosen, *(name for name in keyed if name != chosen)][:2]

    @property
    def embedded_by(self) -> str:
        """Which provider makes the vectors: gemini, cohere or local."""
        if self.embedding_provider != "auto":
            return self.embedding_provider
        return "gemini" if self.gemini_api_key else "cohere" if self.cohere_api_key else "local"

    @property
    def reranks(self) -> bool:
        """Whether Cohere puts the passages in order."""
        return self.rerank_provider == "cohere" or (self.rerank_provider == "auto" and bool(self.cohere_api_key))

    @property
    def embedded(self) -> bool:
        """Whether an engine under DATA_DIR is used."""
        return not (self.qdrant_url and self.database_url)

    @property
    def secrets(self) -> set[str]:
        """What may appear in no log line and no answer: keys and tokens whole, of an address the passwords."""
        fields = type(self).model_fields.items()
        marked = [(name, str(getattr(self, name) or "")) for name, field in fields if not field.repr]
        found = [_passwords(value) if name.endswith("_url") else [value] for name, value in marked]
        return {secret for secrets in found for secret in secrets if secret}

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read the environment and `.env`; `overrides` win.

        Raises:
            SettingsError: a value is malformed; one line per variable.
        """
        settings, problems = cls.examine(**overrides)
        if problems:
            raise SettingsError("\n".join(map(str, problems)))
        return settings

    @classmethod
    def examine(cls, **overrides: Any) -> tuple[Self, list[SettingProblem]]:
        """Every problem at once, and the settings as they are with the defaults in those places."""
        problems: list[SettingProblem] = []
        while True:
            try:
                return cls(**overrides), problems
            except ValidationError as error:
                found = [disagreement for detail in error.errors() for disagreement in problems_in(detail)]
            named = {problem.variable for problem in problems}
            problems += [each.problem for each in found if each.problem.variable not in named]
            for name in (each.cause.lower() for each in found):
                overrides[name] = cls.model_fields[name].default


def _passwords(url: str) -> list[str]:
    found = re.findall(r"://[^/?#:@]*:([^/?#]*)@|password=([^&\s]+)", url)
    return [password for pair in found for password in pair]
