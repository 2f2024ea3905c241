"""Fetches pages of a website: politely, with bounds on everything, and never from a private network by way of a public
name."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Self

import httpcore
import httpx

from chains.ingest.addresses import Forbidden, GuardedBackend, Resolve, join, origin_of, resolve
from chains.ingest.robots import AGENT, Robots, read_robots

AGENT_HEADER = f"{AGENT}/0 (a documentation indexer; +https://www.rfc-editor.org/rfc/rfc9309)"
BIGGEST_PAGE = 8_000_000  # bytes, unpacked
BIGGEST_SITEMAP = 52_428_800  # bytes, unpacked, as the protocol has it
BIGGEST_ROBOTS = 512_000
MOST_REDIRECTS = 5
TIMEOUTS = {"connect": 10.0, "read": 20.0, "write": 10.0, "pool": 10.0}  # seconds
LONGEST = 60.0  # seconds for one whole answer: a server that sends a byte at a time is left
ATTEMPTS = 2
GONE = (404, 410)
GZIP = b"\x1f\x8b"


class FetchFailed(Exception):
    """The page could not be had, which does not mean that it is gone."""


class PageGone(Exception):
    """The server says that there is no such page, or asks us not to read it."""


@dataclass(frozen=True)
class Fetched:
    """What an address gave, after redirects."""

    address: str
    content_type: str
    body: bytes


class Fetcher:
    """One connection after the other. `trusted` are the origins that may lie in a private network; between two requests
    to one host there are `delay` seconds, or what its robots.txt asks for."""

    def __init__(
        self,
        trusted: Iterable[str],
        delay: float,
        lookup: Resolve = resolve,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._pool = httpcore.ConnectionPool(
            network_backend=GuardedBackend(trusted, lookup), max_connections=4, keepalive_expiry=30
        )
        self._delay = delay
        self._sleep = sleep
        self._robots: dict[str, Robots] = {}
        self._unasked: dict[str, str] = {}
        self._asked: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def fetch(self, address: str, biggest: int = BIGGEST_PAGE) -> Fetched:
        """
        Raises:
            PageGone: 404, 410, or robots.txt forbids it.
            FetchFailed: anything else than a page, with the reason.
        """
        for _ in range(MOST_REDIRECTS + 1):
            if not self.robots(address).allows(address):
                raise PageGone(f"{address}: robots.txt asks us not to read it")
            status, headers, body = self._ask(address, biggest)
            if status not in (301, 302, 303, 307, 308):
                return self._judged(address, status, headers, body)
            address = join(address, headers.get("location", ""))
        raise FetchFailed(f"{address}: more than {MOST_REDIRECTS} redirects")

    def robots(self, address: str) -> Robots:
        """What the address's host asks for; fetched once.

        Raises:
            FetchFailed: the host cannot say it, and so none of its pages is read.
        """
        try:
            origin = origin_of(address)
        except Forbidden as error:
            raise FetchFailed(str(error)) from error
        if origin in self._unasked:
            raise FetchFailed(self._unasked[origin])
        if origin not in self._robots:
            try:
                self._robots[origin] = self._read_robots(origin)
            except FetchFailed as error:
                self._unasked[origin] = str(error)
                raise
        return self._robots[origin]

    def _read_robots(self, origin: str) -> Robots:
        address = f"{origin}/robots.txt"
        for _ in range(MOST_REDIRECTS + 1):
            status, headers, body = self._ask(address, BIGGEST_ROBOTS, paced=False)
            if status not in (301, 302, 303, 307, 308):
                break
            address = join(address, headers.get("location", ""))
        if status >= 500 or status == 429:
            raise FetchFailed(f"{address}: the server answers {status}, so nothing may be read there")
        return read_robots(body.decode("utf-8", errors="replace")) if status == 200 else Robots()

    @staticmethod
    def _judged(address: str, status: int, headers: dict[str, str], body: bytes) -> Fetched:
        if status in GONE:
            raise PageGone(f"{address}: {status}")
        if status != 200:
            raise FetchFailed(f"{address}: the server answers {status}")
        if not body.strip():
            raise FetchFailed(f"{address}: an empty answer")
        return Fetched(address, headers.get("content-type", ""), body)

    def _ask(self, address: str, biggest: int, *, paced: bool = True) -> tuple[int, dict[str, str], bytes]:
        """Once more after a failure of the connection."""
        for attempt in range(1, ATTEMPTS + 1):
            if paced:
                self._wait(address)
            try:
                return self._request(address, biggest)
            except (Forbidden, httpx.InvalidURL) as error:
                raise FetchFailed(f"{address}: {error}") from error
            except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
                if attempt == ATTEMPTS:
                    raise FetchFailed(f"{address}: {type(error).__name__} {error}".rstrip()) from error
        raise AssertionError("unreachable")

    def _wait(self, address: str) -> None:
        origin = origin_of(address)
        known = self._robots.get(origin)
        pause = max(self._delay, known.delay if known else 0.0)
        self._sleep(max(0.0, self._asked.get(origin, -pause) + pause - time.monotonic()))
        self._asked[origin] = time.monotonic()

    def _request(self, address: str, biggest: int) -> tuple[int, dict[str, str], bytes]:
        origin_of(address)
        headers = [("User-Agent", AGENT_HEADER), ("Accept", "text/html, application/xml"), ("Accept-Encoding", "gzip")]
        until = time.monotonic() + LONGEST
        with self._pool.stream("GET", _ascii(address), headers=headers, extensions={"timeout": TIMEOUTS}) as response:
            told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            body = bytearray()
            for part in _unpacked(_decoded(response.iter_stream(), told, address), address):
                body += part
                if len(body) > biggest:
                    raise FetchFailed(f"{address}: more than {biggest} bytes")
                if time.monotonic() > until:
                    raise FetchFailed(f"{address}: not done after {LONGEST:.0f} s")
        return response.status, told, bytes(body)


def _decoded(parts: Iterable[bytes], headers: dict[str, str], address: str) -> Iterator[bytes]:
    """As the server packed the answer for its way."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "", "gzip", "x-gzip"):
        raise FetchFailed(f"{address}: packed as {coding[:40]!r}, which nobody asked for")
    yield from _gunzipped(parts, address) if coding.endswith("gzip") else parts


def _unpacked(parts: Iterator[bytes], address: str) -> Iterator[bytes]:
    """What is a gzip file itself, as sitemaps are."""
    first = next(parts, b"")
    whole = chain([first], parts)
    yield from _gunzipped(whole, address) if first.startswith(GZIP) else whole


def _gunzipped(parts: Iterable[bytes], address: str) -> Iterator[bytes]:
    """In pieces: a small answer may unpack to gigabytes. Of nothing, nothing."""
    unpack = zlib.decompressobj(wbits=47)
    begun = False
    try:
        for part in parts:
            rest, begun = part, True
            while rest:
                yield unpack.decompress(rest, 65_536)
                rest = unpack.unconsumed_tail
    except zlib.error as error:
        raise FetchFailed(f"{address}: not gzip ({error})") from error
    if begun and not unpack.eof:
        raise FetchFailed(f"{address}: cut short")


def is_html(fetched: Fetched) -> bool:
    kind = fetched.content_type.partition(";")[0].strip().lower()
    return kind in ("text/html", "application/xhtml+xml") or (not kind and b"<html" in fetched.body[:2_000].lower())


def _ascii(address: str) -> str:
    """Non-ASCII hosts and paths as they travel."""
    return str(httpx.URL(address))
