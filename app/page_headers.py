"""What browsers are told to refuse on their side: for the pages that we serve, and for everything else."""

from __future__ import annotations

import base64
import hashlib
import re

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.settings import Settings

HUGGING_FACE = "https://huggingface.co https://*.hf.space"  # shows a Space in a frame of its own page
OWN_ONLY = "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'"
CHAT_PAGE = (
    f"{OWN_ONLY}; script-src 'self'; style-src 'self'; img-src 'self'; "
    f"frame-ancestors 'self' {HUGGING_FACE}; require-trusted-types-for 'script'; trusted-types dompurify"
)
# Swagger UI has its icons as data, and sets styles in its elements.
API_PAGE = (
    f"{OWN_ONLY}; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    f"frame-ancestors 'self' {HUGGING_FACE}"
)
NOTHING = "default-src 'none'; frame-ancestors 'none'"
NO_FEATURES = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()"
YEAR = "max-age=31536000"
INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def playground_policy(page: bytes, *, compiles: bool) -> str:
    """LangServe's playground has its schemas in a script of its page: that very one may run, and no other.

    The one with a form `compiles` its schemas to functions, which browsers count as eval.

    Its author opens it with Basic credentials, which a browser sends by itself: no other site may frame it.
    """
    digests = [base64.b64encode(hashlib.sha256(script).digest()).decode() for script in INLINE_SCRIPT.findall(page)]
    scripts = " ".join(
        ["'self'", *(f"'sha256-{digest}'" for digest in digests), *(["'unsafe-eval'"] if compiles else [])]
    )
    return (
        f"{OWN_ONLY}; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self' data:; frame-ancestors 'self'"
    )


class PageHeaders:
    """Puts them on every response; a route may have said something else. Strict transport behind https alone."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._proxies = settings.trusted_proxies
        self._headers = {
            "Content-Security-Policy": NOTHING,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "strict-origin-when-cross-origin",
            "Permissions-Policy": NO_FEATURES,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(self._headers)
        if self._over_https(scope):
            headers["Strict-Transport-Security"] = YEAR
        if not scope["path"].startswith("/static/"):
            headers["Cache-Control"] = "no-store"  # conversations, and pages whose policy goes with the release

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = MutableHeaders(scope=message)
                for name, value in headers.items():
                    present.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_guarded)

    def _over_https(self, scope: Scope) -> bool:
        """As the connection is, or as the nearest proxy says, where there is one."""
        if scope["scheme"] == "https":
            return True
        told = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-proto")
        return bool(self._proxies) and told.split(b",")[-1].strip().lower() == b"https"
