"""What a route needs of a request: the running service, the visitor, and whether the author is asking."""

from __future__ import annotations

import base64
import binascii
import secrets

from fastapi import Request
from starlette.requests import HTTPConnection

from app.docent import Docent
from app.refusals import AdminOnly
from app.visitor import Visitor
from chains.errors import NotFound, Unauthorized


def docent_of(connection: HTTPConnection) -> Docent:
    docent: Docent = connection.app.state.docent
    return docent


def sent_visitor(request: Request) -> Visitor | None:
    """The visitor whose token was sent; the gate has refused wrong ones already."""
    visitor: Visitor | None = request.scope["state"].get("visitor")
    return visitor


def visitor_of(request: Request) -> Visitor:
    """Raises Unauthorized when no token was sent."""
    visitor = sent_visitor(request)
    if visitor is None:
        raise Unauthorized("A visitor token is needed here.")
    return visitor


def is_admin(request: Request) -> bool:
    """The admin token as a bearer token, or as the password of HTTP Basic so that a browser can send it."""
    token = docent_of(request).settings.admin_token
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        value = _basic_password(value)
    return token is not None and secrets.compare_digest(value.encode(), token.encode())


def admit_to_playground(request: Request) -> None:
    """Playgrounds and step streams show prompts and passages: open in development, else for the author alone.

    Raises:
        NotFound: in production, unless they are switched on.
        AdminOnly: switched on, but the admin token is missing.
    """
    settings = docent_of(request).settings
    if not settings.production:
        return
    if not settings.langserve_playground or settings.admin_token is None:
        raise NotFound
    if not is_admin(request):
        raise AdminOnly


def _basic_password(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
