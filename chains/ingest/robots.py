"""robots.txt after RFC 9309: the longest rule that matches decides, `Allow` where two are equally long."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

AGENT = "docent"
LONGEST_DELAY = 30.0  # seconds; a site that asks for more is read at this pace


@dataclass(frozen=True)
class Robots:
    """What a site asks of programs. `rules` are patterns with whether they allow, `delay` is in seconds."""

    rules: tuple[tuple[str, bool], ...] = ()
    delay: float = 0.0
    sitemaps: tuple[str, ...] = ()

    def allows(self, address: str) -> bool:
        parts = urlsplit(address)
        path = _normalized((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        matching = [(len(rule), allowed) for rule, allowed in self.rules if _matches(rule, path)]
        return max(matching, default=(0, True))[1]


def read_robots(text: str) -> Robots:
    """The group of this program, or else that for all."""
    groups: dict[str, list[tuple[str, str]]] = {}
    sitemaps: list[str] = []
    agents: list[str] = []
    rules_begun = False
    for line in text.lstrip("\ufeff").splitlines():
        name, _, value = (part.strip() for part in line.partition("#")[0].partition(":"))
        match name.lower():
            case "user-agent":
                agents = [value.lower()] if rules_begun else [*agents, value.lower()]
                rules_begun = False
                groups.setdefault(value.lower(), [])
            case "allow" | "disallow" | "crawl-delay":
                rules_begun = True
                for agent in agents:
                    groups[agent].append((name.lower(), value))
            case "sitemap" if value:
                sitemaps.append(value)
    return _robots(groups.get(AGENT, groups.get("*", [])), sitemaps)


def _robots(lines: list[tuple[str, str]], sitemaps: list[str]) -> Robots:
    rules = tuple((_normalized(value), name == "allow") for name, value in lines if name != "crawl-delay" and value)
    said = [value for name, value in lines if name == "crawl-delay"]
    delays = [float(value) for value in said if re.fullmatch(r"\d{1,6}(\.\d*)?", value)]
    return Robots(rules, min(max(delays, default=0.0), LONGEST_DELAY), tuple(sitemaps))


def _normalized(path: str) -> str:
    return quote(unquote(path), safe="/?&=*$:@!,;+()'~-._")


def _matches(rule: str, path: str) -> bool:
    """`*` stands for anything, `$` for the end. Part after part, so that no rule takes long."""
    first, *others = rule.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    place = len(first)
    for part in others[:-1]:
        found = path.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    if not others:
        return not rule.endswith("$") or place == len(path)
    last = others[-1]
    if rule.endswith("$"):
        return len(path) - len(last) >= place and path.endswith(last)
    return path.find(last, place) >= 0
