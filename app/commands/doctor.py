"""`docent doctor`: one line for each check, with the remedy."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections import Counter

from app.doctor.cors import origin_of
from app.doctor.diagnosis import Diagnosis, Patience, Verdict
from app.doctor.examination import Scope, examine
from app.redaction import redactor
from app.settings import Settings
from chains.errors import SettingsError


def run(scope: Scope, *, as_json: bool) -> None:
    """Print what was found, and end the process: 0, or 1 when a check failed.

    Raises:
        SettingsError: an address among the options is none.
    """
    patience = Patience()
    _require_addresses(scope)
    logging.getLogger().setLevel(logging.CRITICAL)  # what would be logged is said here, once and with its remedy
    logging.getLogger("chains").setLevel(logging.CRITICAL)
    settings, problems = Settings.examine()
    redactor.learn(settings.secrets)
    found = asyncio.Runner().run(examine(settings, problems, scope, patience))
    print(redactor.clean(_as_json(found) if as_json else _as_text(found)))  # noqa: T201
    sys.stdout.flush()
    # A resolver or a driver that hangs sits in a thread, which a usual exit would wait for.
    os._exit(int(any(each.verdict is Verdict.FAILED for each in found)))


def _require_addresses(scope: Scope) -> None:
    for option, url in (("--frontend", scope.frontend), ("--service", scope.service)):
        try:
            origin_of(url or "https://example.com")
        except ValueError as error:
            raise SettingsError(f"{option}: {error}") from None


def _as_json(found: list[Diagnosis]) -> str:
    counts = Counter(each.verdict for each in found)
    body = {verdict.value: counts[verdict] for verdict in Verdict} | {"checks": [each.as_dict() for each in found]}
    return json.dumps(body, indent=2, ensure_ascii=False)


def _as_text(found: list[Diagnosis]) -> str:
    counts = Counter(each.verdict for each in found)
    summary = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    return "\n".join([*map(str, found), summary])
