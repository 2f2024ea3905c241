"""How long uvicorn keeps what nobody uses."""

from __future__ import annotations

from pathlib import Path

from app.front import Front
from app.main import create_app
from app.server import server_config
from app.settings import Settings

LONGEST_PROXY = 60  # seconds: nginx's and AWS's default for a connection to a service; httpx's is 5


def test_a_connection_is_kept_longer_than_proxies_keep_it(tmp_path: Path) -> None:
    """Who closes last never closes under a request that is on its way."""
    settings = Settings(data_dir=tmp_path)
    config = server_config(Front(settings, lambda: create_app(settings)), settings, 0)
    assert config.timeout_keep_alive > LONGEST_PROXY
