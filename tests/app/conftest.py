"""Services for the tests of the doors: each is started once, when the first test asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from doors import ADMIN_TOKEN, READER, SCRIPTED, SITE, client_of
from live_service import PLAIN_UVICORN, LiveService, serving

from chains.embedded_postgres import EmbeddedPostgres


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """`docent serve` in development, with a model that some questions break or slow down, see scripted_service.py.

    Two settings came out of an env file with quotes and blanks. To start a service takes 5 s of CPU: take this one.
    """
    settings = {"ALLOWED_ORIGINS": f'"{READER}/"', "LOG_LEVEL": " info "}
    with serving(tmp_path_factory.mktemp("service"), SITE, command=SCRIPTED, **settings) as service:
        yield service


@pytest.fixture(scope="session")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A Postgres that belongs to nobody but the tests, as a remote one does."""
    postgres = EmbeddedPostgres(tmp_path_factory.mktemp("apart"))
    postgres.start()
    yield postgres
    postgres.stop()


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory, apart: EmbeddedPostgres) -> Iterator[LiveService]:
    """Plain uvicorn, as the guide writes it, in production, with a database elsewhere and the playground on."""
    settings = {
        "ENVIRONMENT": "production",
        "ALLOWED_ORIGINS": READER,
        "ADMIN_TOKEN": ADMIN_TOKEN,
        "LANGSERVE_PLAYGROUND": "true",
        "DATABASE_URL": apart.dsn,
    }
    with serving(tmp_path_factory.mktemp("deployed"), SITE, command=PLAIN_UVICORN, **settings) as service:
        yield service


@pytest.fixture(params=["service", "deployed"])
def any_service(request: pytest.FixtureRequest) -> LiveService:
    """`docent serve`, then plain uvicorn in production."""
    service: LiveService = request.getfixturevalue(request.param)
    return service


@pytest.fixture
async def client(service: LiveService) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(service) as client:
        yield client
