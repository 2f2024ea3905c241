"""`docent serve`: uvicorn on one loop, with the drain."""

from __future__ import annotations

import socket

from app.main import create_app
from app.server import Server, server_config
from app.settings import Settings
from chains.errors import SettingsError


def run(settings: Settings) -> None:
    """Serve until a signal.

    Raises:
        DataDirBusy: another process holds DATA_DIR.
        SettingsError: HOST and PORT cannot be listened on.
    """
    app = create_app(settings)
    docent = app.state.docent
    docent.resources.hold_data_dir("docent serve")
    config = server_config(app, settings)
    listener = _listen(settings)
    port = listener.getsockname()[1]
    docent.resources.announce(f"http://{_reachable(settings.host)}:{port}")
    config.port = port
    Server(config, docent).run(sockets=[listener])


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
    listener.set_inheritable(True)
    return listener


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
