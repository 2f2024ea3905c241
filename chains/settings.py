"""The settings of the chain: the only place under chains/ that reads the environment."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from chains.errors import SettingsError
from chains.hosts import is_public

log = logging.getLogger(__name__)


class ChainSettings(BaseSettings):
    """What the chain, the index and the history need to know. Field names are the variables' names in lower case."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True)

    chat_provider: Literal["auto", "local"] = "auto"
    embedding_provider: Literal["auto", "local"] = "auto"
    qdrant_url: str | None = None
    qdrant_api_key: str | None = None
    qdrant_collection: str = Field(default="docusaurus-book", pattern=r"^[A-Za-z0-9._-]{1,200}$")
    qdrant_vector_name: str | None = None
    qdrant_content_key: str = "page_content"
    qdrant_metadata_key: str = "metadata"
    qdrant_url_key: str = "url"
    qdrant_title_key: str = "title"
    database_url: str | None = None
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

    @model_validator(mode="before")
    @classmethod
    def strip_blanks_and_quotes(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {
            name: stripped
            for name, value in values.items()
            if (stripped := _stripped(name, value)) != ""  # an empty variable is an absent one
        }

    @field_validator("qdrant_url")
    @classmethod
    def address_of_a_server(cls, url: str | None) -> str | None:
        return None if url is None else _checked_address(url)

    @property
    def embedded(self) -> bool:
        """Whether an engine under DATA_DIR is used."""
        return not (self.qdrant_url and self.database_url)

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Read the environment and `.env`; `overrides` win.

        Raises:
            SettingsError: a value is malformed; one line per variable.
        """
        try:
            return cls(**overrides)
        except ValidationError as error:
            raise SettingsError("\n".join(_explain(detail) for detail in error.errors())) from None


def _checked_address(url: str) -> str:
    """Without a trailing slash. What is wrong is said without the value, which may hold a key."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("its host or port cannot be read") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("begins with https:// and a host, such as https://example.eu-central-1.aws.cloud.qdrant.io")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("is an address alone; the key goes into QDRANT_API_KEY")
    if parts.scheme == "http" and is_public(host):
        raise ValueError("a public host must be https, or the key and the texts would travel in plain text")
    return url.rstrip("/")


def _stripped(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    clean = value.strip()
    if len(clean) >= 2 and clean[0] == clean[-1] and clean[0] in "'\"":
        clean = clean[1:-1].strip()
    if clean != value:
        log.warning("%s has blanks or quotes around its value; they were removed", name.upper())
    return clean


def _explain(detail: Any) -> str:
    problem = str(detail["msg"]).removeprefix("Value error, ")
    variable = ".".join(str(part) for part in detail["loc"]).upper()
    named = f"{variable}: {problem}" if variable else problem  # what concerns several variables names one itself
    return f"{named}. Set it in the environment or in {Path('.env').resolve()}."
