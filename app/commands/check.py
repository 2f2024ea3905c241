"""`docent check URL`: a line for each check as it ends, a report with pictures, and an exit code for CI."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.check.checking import Check, Wish
from app.check.finding import Finding, Group
from app.check.report import as_dict, as_page, passed
from app.doctor.cors import origin_of
from app.redaction import redactor
from chains.errors import SettingsError


@dataclass(frozen=True)
class Output:
    """`report`: where the page goes; `max_seconds`: what the median whole answer may take."""

    report: Path | None
    max_seconds: float
    as_json: bool


def run(wish: Wish, output: Output) -> None:
    """Print what is found; ends the process with 1 when something failed.

    Raises:
        SettingsError: an address is none, or the report cannot be written.
    """
    for option, url in (("URL", wish.url), *(("--frontend", origin) for origin in wish.origins)):
        try:
            origin_of(url)
        except ValueError as error:
            raise SettingsError(f"{option}: {error}") from None
    logging.getLogger("httpx").setLevel(logging.WARNING)
    redactor.learn([wish.token] if wish.token else [])
    check = Check(wish)
    asyncio.run(_print(check, output))
    _report(check, wish, output)
    if not passed(check.findings):
        raise SystemExit(1)


async def _print(check: Check, output: Output) -> None:
    headings = Headings(output)
    async for finding in check.run():
        headings.say(finding)
    for finding in check.load.findings(output.max_seconds) if check.load.timings or check.load.failures else []:
        check.findings.append(finding)
        headings.say(finding)
    for name, value in check.load.percentiles("whole").items():
        _say(f"           {name:<4} {value:.2f} s", output)


class Headings:
    """A line for each finding, and one before those of another group."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._group: Group | None = None

    def say(self, finding: Finding) -> None:
        if finding.group is not self._group:
            _say(f"{finding.group.value}:", self._output)
            self._group = finding.group
        _say(f"  {finding}", self._output)


def _say(line: str, output: Output) -> None:
    print(redactor.clean(line), file=sys.stderr if output.as_json else sys.stdout, flush=True)


def _report(check: Check, wish: Wish, output: Output) -> None:
    body = as_dict(wish.url, check.findings, check.load, output.max_seconds)
    if output.as_json:
        print(redactor.clean(json.dumps(body, indent=2)))  # noqa: T201
    failures = sum(each.passed is False for each in check.findings)
    _say(f"{len(check.findings)} checks, {failures} failed", output)
    if output.report is None:
        return
    page = as_page(wish.url, check.findings, check.load, output.max_seconds, datetime.now(UTC))
    try:
        output.report.write_text(redactor.clean(page), encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"--report: {output.report} cannot be written: {error.strerror}.") from None
    _say(f"Report      {output.report}", output)
