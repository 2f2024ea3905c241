"""robots.txt: RFC 9309's examples and the usual traps."""

from __future__ import annotations

import time

import pytest

from chains.ingest.robots import read_robots

RULES = """\
User-agent: *
Disallow: /private/
Allow: /private/open
Disallow: /*.pdf$
Disallow: /search?q=
Crawl-delay: 3

User-agent: Other
User-Agent: DOCENT   # us
Disallow: /only-us
Crawl-delay: 900
"""
ALL = RULES.partition("User-agent: Other")[0]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/", True), ("/private/a", False), ("/private/open/b", True), ("/a.pdf", False), ("/a.pdf?x", True),
     ("/search?q=1", False), ("/search", True), ("/PRIVATE/a", True), ("/priv%61te/a", False)],
)  # fmt: skip
def test_longest_rule_decides(path: str, allowed: bool) -> None:
    assert read_robots(ALL).allows(f"https://x.org{path}") is allowed


def test_own_group_is_the_only_one() -> None:
    robots = read_robots(RULES)
    assert robots.allows("https://x.org/private/a")
    assert not robots.allows("https://x.org/only-us")
    assert robots.delay == 30


def test_empty_rule_allows_everything() -> None:
    assert read_robots("User-agent: *\nDisallow:\n").allows("https://x.org/a")
    assert read_robots("<html>not found</html>").allows("https://x.org/a")


def test_hostile_pattern_takes_no_time() -> None:
    robots = read_robots(f"User-agent: *\nDisallow: /{'*a' * 500}b\n")
    started = time.process_time()
    assert robots.allows(f"https://x.org/{'a' * 5_000}")
    assert time.process_time() - started < 2
