"""What a person needs after a deployment: the addresses, and the lines for the site."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

SNIPPET = """\
const isProduction = typeof window !== 'undefined' &&
  !window.location.hostname.includes('localhost');

const baseUrl = isProduction
  ? '{address}'
  : 'http://localhost:7860';  // make serve"""


def addresses(address: str, page: str) -> dict[str, str]:
    """Word and address."""
    socket = urlsplit(address)._replace(scheme="wss" if address.startswith("https:") else "ws").geturl()
    return {
        "Chat page": address,
        "Questions": f"POST {address}/api/chat",
        "WebSocket": f"{socket}/ws/chat",
        "API": f"{address}/docs",
        "Health": f"{address}/api/health",
        "Space": page,
        "Secrets": f"{page}/settings",
    }


def lines_for_the_site(address: str) -> str:
    """Tells production by the host's name: browsers have no process.env."""
    return SNIPPET.format(address=address)


def ending(address: str, page: str) -> Iterator[str]:
    for name, where in addresses(address, page).items():
        yield f"{name:<11} {where}"
    yield ""
    yield "Lines for your site:"
    yield ""
    yield lines_for_the_site(address)
