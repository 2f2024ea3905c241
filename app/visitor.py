"""Who is asking: an anonymous visitor, known by a signed token, carried to the runner by a context variable."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import uuid4

from itsdangerous import BadSignature, URLSafeTimedSerializer

from chains.errors import Unauthorized

TOKEN_LIFETIME = 365 * 24 * 3600  # seconds; a token outlives every conversation's retention
TOKEN_LIMIT = 512  # characters; a longer one is refused before its signature is computed


@dataclass(frozen=True, slots=True)
class Visitor:
    """`new_token` is set when the token was made for this request and must be handed to the reader."""

    id: str
    new_token: str | None = None


current_visitor: ContextVar[Visitor] = ContextVar("current_visitor")


class VisitorTokens:
    """Makes and reads visitor tokens, signed with the service's key."""

    def __init__(self, key: str) -> None:
        self._serializer = URLSafeTimedSerializer(key, salt="docent-visitor")

    def make(self) -> Visitor:
        visitor_id = uuid4().hex
        return Visitor(visitor_id, self._serializer.dumps(visitor_id))

    def read(self, token: str) -> Visitor:
        """Raises Unauthorized when the token is not ours or has expired."""
        if len(token) > TOKEN_LIMIT:
            raise Unauthorized
        try:
            visitor_id, made = self._serializer.loads(token, return_timestamp=True)
        except BadSignature:
            raise Unauthorized from None
        if time.time() - made.timestamp() > TOKEN_LIFETIME:  # one from the future is ours too: a clock was set back
            raise Unauthorized
        return Visitor(str(visitor_id))
