"""Which sites may talk to the service from a browser, and under which host names it answers."""

from __future__ import annotations

import re

from app.settings import Settings


class Origins:
    """The configured ones and the service's own page."""

    def __init__(self, settings: Settings) -> None:
        self._allowed = {origin.lower() for origin in settings.origins}
        self._pattern = re.compile(settings.allowed_origin_regex) if settings.allowed_origin_regex else None
        if settings.space_host:
            self._allowed.add(f"https://{settings.space_host}".lower())

    def admit(self, origin: str | None, host: str) -> bool:
        """No `Origin` header means no browser on another site: no cookie is used, so nothing can be abused."""
        if origin is None or "*" in self._allowed:
            return True
        origin = origin.lower()
        return (
            origin in self._allowed
            or origin.partition("://")[2] == host.lower() != ""
            or (self._pattern is not None and self._pattern.fullmatch(origin) is not None)
        )


class Hosts:
    """The names of ALLOWED_HOSTS, `*.example.com` for all below one; every name when it is not set."""

    def __init__(self, settings: Settings) -> None:
        names = settings.hosts
        if names and settings.space_host:
            names = [*names, settings.space_host.lower()]
        self._names = frozenset(name for name in names if not name.startswith("*"))
        self._suffixes = tuple(name[1:] for name in names if name.startswith("*."))
        self._all = not names or "*" in names

    def admit(self, host: str) -> bool:
        """`host`: the header's value, with or without a port."""
        if self._all:
            return True
        name = host.lower()
        name = name.partition("]")[0] + "]" if name.startswith("[") else name.partition(":")[0]
        name = name.rstrip(".")
        return name in self._names or (bool(self._suffixes) and name.endswith(self._suffixes))
