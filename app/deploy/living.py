"""A deployed service, asked for its health until it can say how it is."""

from __future__ import annotations

import time
from typing import Any

import httpx

from app.deploy.errors import DeployError

PAUSE = 1.0  # seconds between two looks


class Service:
    """At `address`; a private Space wants the owner's token."""

    def __init__(self, address: str, token: str | None) -> None:
        self._url = f"{address.rstrip('/')}/api/health"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def await_report(self, within: float, *, healthy: bool) -> dict[str, Any]:
        """The first report that is not `starting`; with `healthy`, the first healthy one or the last one in time.

        Raises:
            DeployError: nothing like Docent answered within `within` seconds.
        """
        end, said = time.monotonic() + within, "nothing"
        report: dict[str, Any] = {}
        while time.monotonic() < end:
            report, said = self._ask()
            status = report.get("status")
            if status == "healthy" or (status not in (None, "starting") and not healthy):
                return report
            time.sleep(PAUSE)
        if report:
            return report
        raise DeployError(f"{self._url} answered {said} for {within:.0f} s. Look at the log of the Space.")

    def _ask(self) -> tuple[dict[str, Any], str]:
        try:
            answer = httpx.get(self._url, headers=self._headers, timeout=30, follow_redirects=True)
            report = answer.json()
            return (report, "") if isinstance(report, dict) and "services" in report else ({}, str(answer.status_code))
        except (httpx.HTTPError, ValueError) as error:
            return {}, type(error).__name__


def services_of(report: dict[str, Any]) -> dict[str, str]:
    """Each service's word, notes in brackets."""
    return {name: _told(each) for name, each in report.get("services", {}).items()}


def _told(finding: Any) -> str:
    if not isinstance(finding, dict):
        return str(finding)
    notes = finding.get("notes") or []
    return f"{finding.get('status')} ({', '.join(notes)})" if notes else str(finding.get("status"))
