"""A hook for a proof of work or a CAPTCHA, asked of those who come without a token. Without one, all are let in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import cast

from chains.errors import SettingsError, Unauthorized

PROOF_HEADER = "x-docent-proof"  # in a WebSocket's frames `proof`
PROOF_LIMIT = 4_096  # characters; what CAPTCHA providers hand out has at most 2,048
MISSING = "Please show first that you are not a program: this service asks that of new visitors."

Check = Callable[[str, str], Awaitable[bool]]  # what was sent as a proof, and from which address


class Newcomers:
    """`check` may ask a provider, such as Turnstile; it is awaited once for each new visitor."""

    def __init__(self, check: Check | None = None) -> None:
        self._check = check

    async def admit(self, proof: object, address: str) -> None:
        """Raises Unauthorized when there is a check and the proof does not satisfy it."""
        if self._check is None:
            return
        if not isinstance(proof, str) or not 0 < len(proof) <= PROOF_LIMIT or not await self._check(proof, address):
            raise Unauthorized(MISSING)


def load_check(name: str | None) -> Check | None:
    """The function that `package.module:function` names.

    Raises:
        SettingsError: there is none.
    """
    if name is None:
        return None
    module, _, function = name.partition(":")
    try:
        return cast(Check, getattr(import_module(module), function))
    except (ImportError, AttributeError, ValueError):
        raise SettingsError(
            "NEWCOMER_CHECK: names an asynchronous function as package.module:function, and there is none of that name"
        ) from None
