"""The findings as a page that stands alone, and as an object for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from html import escape
from typing import Any

from app.check.finding import Finding, Group
from app.check.load import Load
from app.check.pictures import answers_picture, distribution_picture

STYLE = """
:root { color-scheme: light dark; } body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
padding: 0 1rem; } table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .25rem .6rem;
border-bottom: 1px solid #8884; vertical-align: top; } .ok { color: #2f9e6e; } .failed { color: #c0392b; font-weight:
600; } .skipped { color: #888; } svg { max-width: 100%; height: auto; display: block; margin: 1rem 0; }
"""
COLUMNS = {"first token": "first_token", "whole answer": "whole", "provider": "provider", "search": "search",
           "network and service": "rest"}  # fmt: skip


def as_dict(url: str, findings: Sequence[Finding], load: Load, limit: float) -> dict[str, Any]:
    return {
        "url": url,
        "passed": passed(findings),
        "max_seconds": limit,
        "checks": [each.as_dict() for each in findings],
        "load": {
            "answers": [asdict(timing) for timing in load.timings],
            "failures": load.failures,
            "percentiles": {name: load.percentiles(part) for name, part in COLUMNS.items()},
        },
    }


def passed(findings: Sequence[Finding]) -> bool:
    return bool(findings) and all(each.passed is not False for each in findings)


def as_page(url: str, findings: Sequence[Finding], load: Load, limit: float, when: datetime) -> str:
    """HTML with the pictures in it; nothing is fetched to show it."""
    verdict = "passed" if passed(findings) else "failed"
    failures = sum(each.passed is False for each in findings)
    summary = f"{len(findings)} checks, {failures} failed, {when:%Y-%m-%d %H:%M} UTC"
    groups = "".join(_group(group, [each for each in findings if each.group is group]) for group in Group)
    title = f"Check of {escape(url)}: {verdict}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style></head>"
        f"<body><h1>{title}</h1><p>{summary}</p>{_load(load, limit)}{groups}</body></html>\n"
    )


def _load(load: Load, limit: float) -> str:
    if not load.timings:
        return ""
    names = list(load.percentiles("whole"))
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = "".join(
        f"<tr><td>{label}</td>{''.join(f'<td>{value:.3f} s</td>' for value in load.percentiles(part).values())}</tr>"
        for label, part in COLUMNS.items()
    )
    return (
        f"<h2>{len(load.timings)} answers under load</h2><table><tr><th></th>{head}</tr>{rows}</table>"
        f"{distribution_picture(load, limit)}{answers_picture(load, limit)}"
    )


def _group(group: Group, findings: Sequence[Finding]) -> str:
    rows = "".join(
        f'<tr><td class="{each.verdict}">{each.verdict}</td><td>{escape(each.name)}</td>'
        f"<td>{f'{each.seconds:.2f} s' if each.seconds is not None else ''}</td><td>{escape(each.says)}</td></tr>"
        for each in findings
    )
    return f"<h2>{group.value}</h2><table>{rows}</table>" if rows else ""
