"""What a Space is to know: the settings of the environment and of `.env`, as secrets and as variables."""

from __future__ import annotations

import hashlib
import secrets as randomness
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from app.settings import Settings
from app.stand_ins import StandIn, stand_ins
from chains.hosts import is_public
from chains.setting_problems import SettingProblem

# Of this machine, or set by the Dockerfile and by Hugging Face.
LOCAL = {
    "port", "host", "data_dir", "docs", "environment", "space_id", "space_host", "log_format", "trusted_proxies",
    "embed_model_dir", "embedded_pg_bin", "hf_token",
}  # fmt: skip
UNMARKED_SECRETS = {"qdrant_url"}  # variables of a public Space are public, and a cluster's address need not be
ELSEWHERE = ("qdrant_url", "database_url", "redis_url", "openai_base_url")
ANY_KEY = ("GEMINI_API_KEY", "COHERE_API_KEY")
MARK = "Set by docent deploy"


@dataclass(frozen=True)
class Values:
    """Name and value. A name is in one of both: Hugging Face refuses a Space that has it twice."""

    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    variables: dict[str, str] = field(default_factory=dict)


def values_for(settings: Settings, origins: str, known_secrets: Collection[str] = ()) -> Values:
    """What was set and is not of this machine. What the Space has as a secret stays one."""
    told = {
        name: _written(getattr(settings, name))
        for name in sorted(settings.model_fields_set - LOCAL - {"allowed_origins"})
        if getattr(settings, name) is not None
    }
    values = Values()
    for name, value in {**told, "allowed_origins": origins}.items():
        secret = not type(settings).model_fields[name].repr or name in UNMARKED_SECRETS or name.upper() in known_secrets
        (values.secrets if secret else values.variables)[name.upper()] = value
    return values


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def missing(settings: Settings, known: Collection[str]) -> list[StandIn]:
    """What the guide requires and neither the settings nor the Space have. Origins are a matter of --frontend."""
    return [
        each
        for each in stand_ins(settings)
        if each.variable not in {"ALLOWED_ORIGINS", *known}
        and not (each.variable in ANY_KEY and set(ANY_KEY) & set(known))
    ]


def broken_keys(settings: Settings) -> list[SettingProblem]:
    """Keys with a blank, a line's end or a letter from elsewhere in them, as copying leaves them."""
    marked = [name for name, each in type(settings).model_fields.items() if not each.repr and not name.endswith("_url")]
    says = "has a character in it that no key has, such as a blank; copy it again"
    return [
        SettingProblem(name.upper(), says)
        for name in marked
        if (value := getattr(settings, name)) and not (value.isascii() and value.isprintable() and " " not in value)
    ]


def unreachable(settings: Settings) -> list[str]:
    """Variables that name this machine or its network, where a Space cannot go."""
    addresses = {name.upper(): str(getattr(settings, name) or "") for name in ELSEWHERE}
    return [name for name, url in addresses.items() if url and not is_public(urlsplit(url).hostname or "")]


def mark(value: str) -> str:
    """A description that tells later whether the value is the same, for secrets cannot be read back.

    Slow and salted: whoever may see descriptions could else try passwords. 50 ms and 16 MB each.
    """
    salt = randomness.token_hex(8)
    return f"{MARK} ({salt}.{_digest(value, salt)})"


def is_marked(description: str | None, value: str) -> bool:
    """Whether `mark` of this value made the description."""
    salt, _, digest = (description or "").removeprefix(f"{MARK} (").removesuffix(")").partition(".")
    return bool(digest) and randomness.compare_digest(digest.encode(), _digest(value, salt).encode())


def _digest(value: str, salt: str) -> str:
    return hashlib.scrypt(value.encode(), salt=salt.encode(), n=2**14, r=8, p=1, dklen=16).hex()


def changed(wanted: Mapping[str, str], there: Mapping[str, str | None], *, secret: bool) -> list[str]:
    """Names whose value is not the one that is there; of a secret, its description is there."""
    same = is_marked if secret else lambda said, value: said == value
    return [name for name, value in wanted.items() if name not in there or not same(there[name], value)]
