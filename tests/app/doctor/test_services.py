"""Remote services over the wire: each fault gets a line of its own, and nothing waits for one that hangs."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tcp_proxy import TcpProxy

from app.doctor.diagnosis import Patience
from app.doctor.examination import Scope, examine
from app.doctor.postgres import check_postgres
from app.doctor.providers import check_providers
from app.doctor.qdrant import check_qdrant
from chains.collection import Fingerprint, create_collection
from chains.ingest import ingest_folder
from chains.providers.local_embeddings import LocalEmbeddings
from chains.remote_qdrant import remote_client
from tests.app.doctor.conftest import KEY, Configure, told
from tests.provider_simulator.handle import ProviderKey
from tests.qdrant_server import Fault, QdrantServer

pytestmark = pytest.mark.anyio

SITE = Path(__file__).parent.parent / "site"

FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "quota of the day": ({"kind": "status", "status": 429, "quota": "day"}, "failed", "midnight Pacific"),
    "too many a minute": ({"kind": "status", "status": 429, "quota": "minute"}, "warning", "wait a minute"),
    "overloaded": ({"kind": "status", "status": 503}, "failed", "overloaded or broken"),
    "model shut down": ({"kind": "retired_model"}, "failed", "gemini-3.5-flash"),
}


@pytest.fixture
async def line(postgres_dsn: str) -> AsyncIterator[TcpProxy]:
    parameters = parse_qs(urlsplit(postgres_dsn).query)
    async with TcpProxy(Path(parameters["host"][0]) / f".s.PGSQL.{parameters['port'][0]}") as proxy:
        yield proxy


def far(database: str, line: TcpProxy) -> str:
    return f"postgresql://docent@127.0.0.1:{line.port}{urlsplit(database).path}"


async def test_healthy_provider_is_ok(configure: Configure, provider_key: ProviderKey) -> None:
    settings = configure(gemini_api_key=provider_key.key, gemini_base_url=provider_key.gemini_url)
    (found,) = told(await check_providers(settings, Patience()), "gemini")
    assert found == ("ok", "Answers, takes the key and serves gemini-3.5-flash. ")


@pytest.mark.parametrize(("fault", "verdict", "says"), FAULTS.values(), ids=FAULTS.keys())
async def test_provider_that_fails_is_told_with_the_remedy(
    configure: Configure, provider_key: ProviderKey, fault: dict[str, Any], verdict: str, says: str
) -> None:
    provider_key.fail(operation="gemini.*", times=5, **fault)
    settings = configure(gemini_api_key=provider_key.key, gemini_base_url=provider_key.gemini_url)
    (found,) = told(await check_providers(settings, Patience()), "gemini")
    assert (found[0], says in found[1]) == (verdict, True), found


@pytest.mark.parametrize("provider", ["gemini", "cohere"])
async def test_wrong_key_names_its_variable(configure: Configure, provider_key: ProviderKey, provider: str) -> None:
    address = getattr(provider_key, f"{provider}_url")
    settings = configure(**{f"{provider}_api_key": "invalid-canary", f"{provider}_base_url": address})
    (found,) = told(await check_providers(settings, Patience()), provider)
    assert (found[0], f"Set {provider.upper()}_API_KEY" in found[1]) == ("failed", True), found
    assert "canary" not in found[1]


async def test_guides_models_give_one_warning_each_and_work(configure: Configure, provider_key: ProviderKey) -> None:
    guides = {"gemini_model": "gemini-2.0-flash-exp", "gemini_embedding_model": "text-embedding-004"}
    settings = configure(gemini_api_key=provider_key.key, gemini_base_url=provider_key.gemini_url, **guides)
    chat, embedding, probe = told(await check_providers(settings, Patience()), "gemini")
    assert chat[0] == embedding[0] == "warning"
    assert "GEMINI_MODEL: gemini-2.0-flash-exp was shut down, its successor is gemini-3.5-flash" in chat[1]
    assert (
        "GEMINI_EMBEDDING_MODEL: text-embedding-004 was shut down, its successor is gemini-embedding-2" in embedding[1]
    )
    assert probe[0] == "ok"


QDRANT: dict[str, tuple[Fault | None, dict[str, Any], str]] = {
    "suspended": (Fault.suspended(), {}, "Resume it at https://cloud.qdrant.io"),
    "wrong key": (None, {"qdrant_api_key": "canary-of-another"}, "Set QDRANT_API_KEY"),
    "missing": (None, {}, "Run `docent ingest PATH`"),
    "a login page": (Fault.html(), {}, "Check QDRANT_URL"),
    "nobody there": (None, {"qdrant_url": "http://127.0.0.1:9"}, "cannot be reached"),
}


@pytest.mark.parametrize(("fault", "changes", "says"), QDRANT.values(), ids=QDRANT.keys())
async def test_index_that_cannot_be_searched_is_told_with_the_remedy(
    configure: Configure, cluster: QdrantServer, fault: Fault | None, changes: dict[str, Any], says: str
) -> None:
    if fault:
        cluster.faults.add(fault)
    settings = configure(**({"qdrant_url": cluster.url, "qdrant_api_key": KEY} | changes))
    (found,) = told(await check_qdrant(settings, Patience()), "qdrant")
    assert (found[0], says in found[1]) == ("failed", True), found
    assert {call.split(" ")[0] for call in cluster.calls} <= {"GET"}


@pytest.mark.parametrize(
    ("embedding", "dimensions"), [("gemini/gemini-embedding-2", 768), ("local/of-another-time", 384)]
)
async def test_collection_of_another_model_is_told(
    configure: Configure, cluster: QdrantServer, embedding: str, dimensions: int
) -> None:
    settings = configure(qdrant_url=cluster.url, qdrant_api_key=KEY)
    client = remote_client(settings)
    create_collection(client, settings.qdrant_collection, Fingerprint(embedding, dimensions, "", "other", "other"))
    client.upsert(settings.qdrant_collection, [{"id": 1, "vector": {"dense": [1.0] * dimensions}, "payload": {}}])  # type: ignore[list-item]
    client.close()
    (found,) = told(await check_qdrant(settings, Patience()), "qdrant")
    assert (found[0], "makes a new collection beside it" in found[1]) == ("failed", True), found


async def test_filled_collection_is_ok(configure: Configure, cluster: QdrantServer) -> None:
    settings = configure(qdrant_url=cluster.url, qdrant_api_key=KEY)
    client, model = remote_client(settings), LocalEmbeddings()
    report = ingest_folder(SITE, settings, client, model)
    client.close()
    model.close()
    (found,) = told(await check_qdrant(settings, Patience()), "qdrant")
    assert (found[0], str(report.as_dict()["chunks"]) in found[1]) == ("ok", True), found


async def test_database_that_answers_is_ok_and_stays_as_it_was(configure: Configure, database: str) -> None:
    (found,) = told(await check_postgres(configure(database_url=database), Patience()), "postgres")
    assert found == ("ok", "The database answers. ")
    (again,) = told(
        await check_postgres(configure(database_url=urlsplit(database)._replace(path="/nowhere").geturl()), Patience()),
        "postgres",
    )
    assert (again[0], "The server has no such database" in again[1]) == ("failed", True), again


async def test_database_that_refuses_or_sleeps_is_told(configure: Configure, database: str, line: TcpProxy) -> None:
    settings = configure(database_url=far(database, line))
    line.delay = 1.2
    (woken,) = told(await check_postgres(settings, Patience(10)), "postgres")
    assert (woken[0], "as one that wakes" in woken[1]) == ("ok", True), woken
    line.silent = True
    (silent,) = told(await check_postgres(settings, Patience(0)), "postgres")
    assert (silent[0], "it wakes in about three seconds" in silent[1]) == ("failed", True), silent
    await line.refuse()
    (refused,) = told(await check_postgres(settings, Patience()), "postgres")
    assert (refused[0], "DATABASE_URL: Nothing listens" in refused[1]) == ("failed", True), refused


async def test_everything_that_hangs_is_told_within_the_limit(
    configure: Configure, cluster: QdrantServer, provider_key: ProviderKey, database: str, line: TcpProxy
) -> None:
    cluster.faults.add(Fault(hang=True))
    provider_key.fail("hang", times=20)
    line.silent = True
    settings = configure(
        gemini_api_key=provider_key.key,
        gemini_base_url=provider_key.gemini_url,
        cohere_api_key=provider_key.key,
        cohere_base_url=provider_key.cohere_url,
        qdrant_url=cluster.url,
        qdrant_api_key=KEY,
        database_url=far(database, line),
    )
    await check_providers(settings, Patience(0))  # imports what the command has two processors for
    started = time.monotonic()
    found = await examine(settings, [], Scope(), Patience())
    assert time.monotonic() - started < 5
    verdicts = {check: told(found, check)[0][0] for check in ("gemini", "cohere", "qdrant", "postgres")}
    assert set(verdicts.values()) == {"failed"}, found
