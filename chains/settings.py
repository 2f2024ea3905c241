"""The settings of the chain: the only place under chains/ that reads the environment."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from chains.errors import SettingsError

log = logging.getLogger(__name__)


class ChainSettings(BaseSettings):
    """What the chain, the index and the history need to know. Field names are the variables' names in lower case."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True)

    chat_provider: Literal["auto", "local"] = "auto"
    embedding_provider: Literal["auto", "local"] = "auto"
    qdrant_url: str | None = None
    qdrant_api_key: str | None = None
    qdrant_collection: str = Field(default="docusaurus-book", pattern=r"^[A-Za-z0-9._-]{1,200}$")
    database_url: str | None = None
    data_dir: Path = Path(".docent")
    docs: Path = Path("docs")
    site_url: str | None = None
    route_base_path: str | None = None
    embed_model_dir: Path | None = None
    embedded_pg_bin: Path | None = None
    turn_deadline: float = Field(default=60, gt=0)

    @model_validator(mode="before")
    @classmethod
    def strip_blanks_and_quotes(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {
            name: stripped
            for name, value in values.items()
            if (stripped := _stripped(name, value)) != ""  # an empty variable is an absent one
        }

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
    variable = ".".join(str(part) for part in detail["loc"]).upper()
    return f"{variable}: {detail['msg']}. Set it in the environment or in {Path('.env').resolve()}."
