"""A Redis for the tests of what replicas share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis_server import RedisServer, redis_server


@pytest.fixture(scope="module")
def redis_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One for the module; a test that stops it starts it again."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_at(redis_process: RedisServer) -> RedisServer:
    """The same with nothing counted."""
    redis_process.client().flushall()
    return redis_process
