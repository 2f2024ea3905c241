"""The watch over every test of this folder, shown to find what redaction takes away."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from leak_watch import CANARIES, logging_as_in_service

from app.redaction import redactor
from tests.model_service import heard, service_settings, serving
from tests.provider_simulator.handle import ProviderKey
from tests.what_left import left

pytestmark = pytest.mark.anyio


async def turn_whose_provider_refuses(folder: Path, database: str, key: ProviderKey, *, redact: bool) -> set[str]:
    """The keys that are found in what left, while a vendor's package writes its key into the log."""
    settings = service_settings(folder, database, key)
    with logging_as_in_service(redact=redact) as log:
        redactor.learn(settings.secrets)
        async with serving(settings) as client:
            key.fail("status", "gemini.chat_stream", times=None, status=403, message=f"API key {key.key} is not valid")
            events = await heard(client)
            for secret in (key.key, *CANARIES.values()):
                logging.getLogger("vendor").warning("403 for https://vendor.example/v1?key=%s", secret)
        assert events[-1][0] == "error"
        return left.keys(log.getvalue())


async def test_keys_are_taken_out_of_what_others_log(tmp_path: Path, database: str, provider_key: ProviderKey) -> None:
    assert not await turn_whose_provider_refuses(tmp_path, database, provider_key, redact=True)


async def test_control_without_redaction_finds_every_key(
    tmp_path: Path, database: str, provider_key: ProviderKey
) -> None:
    found = await turn_whose_provider_refuses(tmp_path, database, provider_key, redact=False)
    assert found == {provider_key.key, *CANARIES.values()}
    left.clear()
