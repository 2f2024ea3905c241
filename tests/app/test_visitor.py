"""Visitor tokens: read by whoever has the key, until they are a year old."""

from __future__ import annotations

import time

import pytest
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from app.visitor import TOKEN_LIFETIME, VisitorTokens
from chains.errors import Unauthorized

KEY = "a key of sixteen characters or more"


class Past(TimestampSigner):
    """Signs as of a moment more than a token's lifetime ago."""

    def get_timestamp(self) -> int:
        return int(time.time()) - TOKEN_LIFETIME - 60


def test_token_names_its_visitor_to_every_replica() -> None:
    visitor = VisitorTokens(KEY).make()
    assert visitor.new_token
    known = VisitorTokens(KEY).read(visitor.new_token)
    assert (known.id, known.new_token) == (visitor.id, None)
    assert VisitorTokens(KEY).make().id != visitor.id


def test_expired_token_is_refused() -> None:
    token = URLSafeTimedSerializer(KEY, salt="docent-visitor", signer=Past).dumps("ada")
    with pytest.raises(Unauthorized):
        VisitorTokens(KEY).read(str(token))


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "x" * 600, "é\x00"])
def test_forged_token_is_refused(token: str) -> None:
    with pytest.raises(Unauthorized):
        VisitorTokens(KEY).read(token)


def test_token_of_another_purpose_is_refused() -> None:
    token = URLSafeTimedSerializer(KEY, salt="something else").dumps("ada")
    with pytest.raises(Unauthorized):
        VisitorTokens(KEY).read(str(token))
