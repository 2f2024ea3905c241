"""Pictures of a load as SVG that stands in a page: no script, no file beside it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from app.check.load import Load, Timing

WIDTH, ROW, LEFT, RIGHT = 720, 18, 60, 70
PARTS = {"provider": "#8e6bbf", "search": "#2f7fb8", "rest": "#9aa5b1"}
LEGEND = {"provider": "provider (embedding, reranking, model)", "search": "search", "rest": "network and service"}
LIMIT = "#c0392b"


def answers_picture(load: Load, limit: float) -> str:
    """A bar for each answer, the fastest first, in the colours of whose time it was; the limit as a line."""
    timings = sorted(load.timings, key=lambda timing: timing.whole)
    longest = max([limit, *(timing.whole for timing in timings)]) or 1.0
    scale = (WIDTH - LEFT - RIGHT) / longest
    bars = "".join(_bar(timing, 24 + at * ROW, scale, at + 1) for at, timing in enumerate(timings))
    height = 24 + len(timings) * ROW + 30
    at = LEFT + limit * scale
    line = f'<line x1="{at:.1f}" x2="{at:.1f}" y1="16" y2="{height - 28}" stroke="{LIMIT}" stroke-dasharray="4 3"/>'
    label = f'<text x="{at:.1f}" y="12" text-anchor="middle" fill="{LIMIT}">limit {limit:g} s</text>'
    return _svg(height, bars + line + label + _legend(height - 8), "Time of each answer, and whose it was")


def _bar(timing: Timing, top: int, scale: float, number: int) -> str:
    pieces, left = [f'<text x="{LEFT - 8}" y="{top + 11}" text-anchor="end">{number}</text>'], float(LEFT)
    for part, colour in PARTS.items():
        width = getattr(timing, part) * scale
        pieces.append(f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{ROW - 5}" fill="{colour}"/>')
        left += width
    pieces.append(f'<text x="{left + 5:.1f}" y="{top + 11}">{timing.whole:.2f} s</text>')
    return "".join(pieces)


def _legend(y: int) -> str:
    pieces, left = [], LEFT
    for part, colour in PARTS.items():
        pieces.append(f'<rect x="{left}" y="{y - 9}" width="10" height="10" fill="{colour}"/>')
        pieces.append(f'<text x="{left + 15}" y="{y}">{escape(LEGEND[part])}</text>')
        left += 30 + 6 * len(LEGEND[part])
    return "".join(pieces)


def distribution_picture(load: Load, limit: float) -> str:
    """The share of answers that were there after so many seconds: first tokens, and whole answers."""
    firsts, wholes = ([getattr(each, part) for each in load.timings] for part in ("first_token", "whole"))
    longest = max([limit, *wholes]) or 1.0
    axes = "".join(_grid(longest, share) for share in (0.0, 0.5, 0.9, 1.0)) + _ticks(longest)
    curves = _steps(firsts, longest, "#2f9e6e") + _steps(wholes, longest, "#2f7fb8")
    at = _x(limit, longest)
    line = f'<line x1="{at:.1f}" x2="{at:.1f}" y1="20" y2="200" stroke="{LIMIT}" stroke-dasharray="4 3"/>'
    words = (
        '<text x="70" y="14" fill="#2f9e6e">first token</text><text x="150" y="14" fill="#2f7fb8">whole answer</text>'
    )
    return _svg(230, axes + curves + line + words, "Share of answers by time")


def _x(seconds: float, longest: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * seconds / longest


def _y(share: float) -> float:
    return 200 - 180 * share


def _grid(longest: float, share: float) -> str:
    y, right = _y(share), _x(longest, longest)
    return (
        f'<line x1="{LEFT}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="#d5dae0"/>'
        f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{share:.0%}</text>'
    )


def _ticks(longest: float) -> str:
    marks = (longest * part / 4 for part in range(5))
    return "".join(f'<text x="{_x(at, longest):.1f}" y="218" text-anchor="middle">{at:.2f} s</text>' for at in marks)


def _steps(values: Sequence[float], longest: float, colour: str) -> str:
    path, share = f"M{LEFT} {_y(0):.1f}", 0.0
    for number, seconds in enumerate(sorted(values), 1):
        x = _x(seconds, longest)
        path += f"L{x:.1f} {_y(share):.1f}L{x:.1f} {_y(number / len(values)):.1f}"
        share = number / len(values)
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _svg(height: int, body: str, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img" '
        f'aria-label="{escape(title)}" font-family="sans-serif" font-size="11" fill="currentColor">{body}</svg>'
    )
