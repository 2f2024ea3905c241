"""`docent serve`: uvicorn on one loop, with the drain."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

from app.front import Front
from app.main import create_app
from app.server import Server, server_config
from app.settings import Settings
from chains.data_dir import DataDirHolder
from chains.errors import SettingsError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from app.resources import Resources

OPEN_FILES = 65_536
SWITCH_INTERVAL = 0.0005  # seconds that a run over the index may compute before the event loop has its turn; else .005
SEND_BUFFER = 128 * 1024  # bytes, doubled by Linux: what the kernel keeps for a reader who takes nothing, not 4 MB


def run(settings: Settings, resources: Resources | None = None) -> None:
    """Serve until a signal; `resources` stand in for the ones that the settings ask for.

    Raises:
        DataDirBusy: another process holds DATA_DIR.
        SettingsError: HOST and PORT cannot be listened on.
    """
    _allow_many_connections()
    sys.setswitchinterval(SWITCH_INTERVAL)
    holder = DataDirHolder(settings.data_dir)
    if settings.embedded:
        holder.hold("docent serve")
    listener = _listen(settings)
    port = listener.getsockname()[1]
    url = f"http://{_reachable(settings.host)}:{port}"
    holder.set_url(url)

    def make_app() -> FastAPI:
        from app.resources import Resources

        own = resources or Resources(settings)
        if settings.embedded:
            own.adopt(holder, url)
        return create_app(settings, own)

    front = Front(settings, make_app)
    Server(server_config(front, settings, port), front).run(sockets=[listener])
    if front.failed:
        raise SystemExit(1)


def _listen(settings: Settings) -> socket.socket:
    """Bind before anything is opened, so that a port in use is one sentence and loses nothing."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"PORT: {settings.host}:{settings.port} cannot be listened on ({error.strerror}). Set PORT to a free one."
        ) from None
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    listener.set_inheritable(True)
    return listener


def _allow_many_connections() -> None:
    """Open as many files as this user may, up to `OPEN_FILES`: in many places 1,024 is what one begins with."""
    if sys.platform == "win32":
        return
    import resource

    least, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
    if least != resource.RLIM_INFINITY and least < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _reachable(host: str) -> str:
    return {"0.0.0.0": "localhost", "::": "[::1]"}.get(host, host)
