"""A Qdrant server elsewhere: its clients, made from the settings, and what its failures mean."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
from qdrant_client import AsyncQdrantClient, QdrantClient
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from chains.errors import ClusterSuspended, CollectionMissing, EmbeddedEngineError, SearchFault
from chains.settings import ChainSettings

# What the clients raise: refusals and transport; 429; and a ValueError or RuntimeError of a malformed answer.
CLIENT_ERRORS = (ApiException, QdrantException, EmbeddedEngineError, LookupError, ValueError, RuntimeError)

CONNECT_TIMEOUT = 5.0  # seconds
WRITE_TIMEOUT = 60  # seconds that a batch of points may take
# Every turn is one request; more connections than turns that run at once would be of no use.
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=30)

_STALE = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)

BUSY = "Wait a moment; a free cluster takes few requests at once."
SILENT = "Is the cluster running, and its port reachable?"
LOG = "Look at the cluster's own log and at its provider's status page."
MISSING = (
    "Run `docent ingest PATH`, copy the embedded index with `docent migrate-index`, or set QDRANT_COLLECTION to a "
    "collection that exists."
)


def async_remote_client(settings: ChainSettings) -> AsyncQdrantClient:
    """For serving. Nothing is sent before the first call."""
    client = AsyncQdrantClient(timeout=math.ceil(settings.retrieve_timeout), **_options(settings))
    client.http.client.add_middleware(_asend)
    return client


def remote_client(settings: ChainSettings) -> QdrantClient:
    """For commands that write."""
    client = QdrantClient(timeout=WRITE_TIMEOUT, **_options(settings))
    client.http.client.add_middleware(_send)
    return client


def address(url: str) -> str:
    """The URL with its port.

    Without one, https means 443: Qdrant Cloud answers there as on 6333, and a Hugging Face Space lets nothing out but
    80, 443 and 8080. That is why a cluster's 6333 becomes 443, too. Plain http means 6333, Qdrant's own.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https" and (port is None or (port == 6333 and host.endswith(".qdrant.io"))):
        port = 443
    name = f"[{host}]" if ":" in host else host
    return parts._replace(netloc=f"{name}:{port or 6333}").geturl()


def place_of(settings: ChainSettings) -> str:
    """Where the index is, for sentences to the author."""
    return f"Qdrant at {urlsplit(address(settings.qdrant_url)).netloc}" if settings.qdrant_url else "the embedded index"


def status_of(error: Exception) -> int | None:
    """The HTTP status that a server refused with."""
    return error.status_code if isinstance(error, UnexpectedResponse) else None


def explain(error: Exception, place: str, collection: str, *, suspended: bool = False) -> SearchFault:
    """What a client's error says of the index, with the remedy.

    Args:
        suspended: a 404 came from every path, not only from that of the collection.
    """
    match error:
        case SearchFault():
            return error
        case ResourceExhaustedResponse():
            return SearchFault(f"{place} is busy (429) and asks to wait {error.retry_after_s} s.", BUSY)
        case QdrantException():
            return SearchFault(f"{place} is busy (429).", BUSY)  # it asks to wait until a date, which nobody reads
        case UnexpectedResponse():
            return _explain_status(error, place, collection, suspended=suspended)
        case ResponseHandlingException(source=httpx.TimeoutException()) | TimeoutError():
            return SearchFault(f"{place} did not answer in time.", SILENT)
        case ResponseHandlingException(source=httpx.TransportError() as source):
            return SearchFault(
                f"{place} cannot be reached ({type(source).__name__}: {source}).",
                "Check QDRANT_URL; a cluster that was deleted has no address any more.",
            )
        case ApiException() | ValueError():
            return SearchFault(f"{place} does not answer as Qdrant does ({_kind(error)}).", "Check QDRANT_URL.")
    return SearchFault(str(error) or type(error).__name__)


@contextmanager
def explained(client: QdrantClient, settings: ChainSettings) -> Iterator[None]:
    """For commands: the client's errors as faults with a remedy."""
    place, collection = place_of(settings), settings.qdrant_collection
    try:
        yield
    except (ApiException, QdrantException) as error:
        raise explain(error, place, collection, suspended=_answers_404(client, error)) from error


def _explain_status(error: UnexpectedResponse, place: str, collection: str, *, suspended: bool) -> SearchFault:
    match error.status_code:
        case 401 | 403:
            return SearchFault(
                f"{place} refuses the key ({error.status_code}).",
                f"Set QDRANT_API_KEY to a key of this cluster that may read {collection!r}.",
            )
        case 404 if suspended:
            return ClusterSuspended(
                f"{place} answers 404 on every path: the cluster is suspended.",
                "Resume it at https://cloud.qdrant.io (free clusters are suspended after a week without use, and "
                "deleted after four).",
            )
        case 404:
            return CollectionMissing(f"There is no collection {collection!r} in {place}.", MISSING)
    return SearchFault(f"{place} answers {error.status_code} {_reason(error)}".rstrip() + ".", LOG)


def _reason(error: UnexpectedResponse) -> str:
    """Qdrant's own sentence; a proxy's page is left out."""
    try:
        return f"({str(error.structured()['status']['error'])[:200]})"
    except (ValueError, LookupError, TypeError):
        return ""


def _kind(error: Exception) -> str:
    return type(getattr(error, "source", error)).__name__


def _answers_404(client: QdrantClient, error: Exception) -> bool:
    """Does a path that every server has answer 404, too?"""
    if status_of(error) != 404:
        return False
    try:
        client.get_collections()
    except (ApiException, QdrantException) as second:
        return status_of(second) == 404
    return False


def _options(settings: ChainSettings) -> dict[str, Any]:
    key = settings.qdrant_api_key
    return {
        "url": address(settings.qdrant_url or ""),
        # As `api_key` it would be warned of on every plain connection; the settings allow those inside only.
        "headers": {"api-key": key} if key else None,
        "limits": LIMITS,
        "check_compatibility": False,  # else a thread that asks for the version and prints a warning
    }


async def _asend(request: httpx.Request, send: Callable[[httpx.Request], Awaitable[httpx.Response]]) -> httpx.Response:
    """Once more where a kept connection was dead, as after a suspend; all our requests may be repeated."""
    _limit_connecting(request)
    try:
        return await send(request)
    except ResponseHandlingException as error:
        if not isinstance(error.source, _STALE):
            raise
        return await send(request)


def _send(request: httpx.Request, send: Callable[[httpx.Request], httpx.Response]) -> httpx.Response:
    _limit_connecting(request)
    try:
        return send(request)
    except ResponseHandlingException as error:
        if not isinstance(error.source, _STALE):
            raise
        return send(request)


def _limit_connecting(request: httpx.Request) -> None:
    """The clients take one number of whole seconds for everything."""
    timeouts = request.extensions["timeout"]
    request.extensions["timeout"] = timeouts | {"connect": min(CONNECT_TIMEOUT, timeouts["connect"])}
