"""Secrets are removed by value, however they came into a text."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

import pytest
import structlog
from fakes import a_turn
from uvicorn.logging import AccessFormatter

from app import redaction
from app.events import Event, events_of
from app.logs import configure_logs
from app.redaction import REPLACEMENT, RedactionFilter, Redactor
from app.refusals import error_body
from app.settings import Settings
from app.turns.running import replayed
from app.visitor import VisitorTokens
from chains.errors import DocentError
from chains.turn import ReplyPart

PASSWORD = 'p@ss/w"o rd%1'
SECRETS = {
    "gemini_api_key": "gemini-canary-0123456789",
    "cohere_api_key": "cohere-canary-0123456789",
    "openai_api_key": "openai-canary-0123456789",
    "qdrant_api_key": "qdrant-canary-0123456789",
    "secret_key": "signing-canary-0123456789",
    "admin_token": "admin canary+äö/0123456789",
}


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "foreign-canary-0123456789")
    url = f"postgresql://reader:{quote(PASSWORD, safe='')}@db.internal:5432/docent"
    return Settings(database_url=url, log_format="json", **SECRETS)  # type: ignore[arg-type]


@pytest.fixture
def own_redactor(monkeypatch: pytest.MonkeyPatch) -> Redactor:
    """The process's would remember this module's secrets."""
    own = Redactor()
    for module in ("app.redaction", "app.logs", "app.refusals", "app.events"):
        monkeypatch.setattr(sys.modules[module], "redactor", own)
    return own


@pytest.fixture
def log(own_redactor: Redactor, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """What standard error was told; the process's logging is put back."""
    root = logging.getLogger()
    handlers, level, hooks = list(root.handlers), root.level, (sys.excepthook, threading.excepthook)
    yield lambda: capsys.readouterr().err
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook, threading.excepthook = hooks
    structlog.reset_defaults()


def spelled(secret: str) -> list[str]:
    mixed = quote(secret, safe="@").replace("%2F", "%2f")
    return [secret, quote(secret), quote(secret, safe=""), quote_plus(secret), mixed, json.dumps(secret)[1:-1]]


def planted(settings: Settings) -> list[str]:
    return [spelling for secret in (*SECRETS.values(), PASSWORD) for spelling in spelled(secret)]


def test_secrets_of_the_settings_are_all_of_them(settings: Settings) -> None:
    assert settings.secrets >= {*SECRETS.values(), quote(PASSWORD, safe=""), "foreign-canary-0123456789"}
    assert "db.internal" not in " ".join(settings.secrets)


def test_every_field_that_holds_a_secret_is_marked_as_one() -> None:
    suspicious = ("_api_key", "secret_key", "_token", "password", "database_url", "redis_url")
    open_ones = [name for name, field in Settings.model_fields.items() if name.endswith(suspicious) and field.repr]
    assert not open_ones


def test_settings_show_no_secret_of_theirs(settings: Settings) -> None:
    shown = f"{settings!r} {settings} {[settings]}"
    assert "CHAT_PROVIDER".lower() in shown
    assert not [each for each in planted(settings) if each in shown]


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_log_lines_hold_no_secret(log: Callable[[], str], settings: Settings, log_format: str) -> None:
    configure_logs(settings.model_copy(update={"log_format": log_format}))
    lines = structlog.get_logger("ours")
    for each in planted(settings):
        lines.warning("refused", cause=f"said {each}!", nested={"list": [each], each: 1}, odd=Exception(each))
        logging.getLogger("theirs").warning("no to %s and %r", each, {"key": each})
    written = log()
    assert "refused" in written
    assert "no to" in written
    assert not [each for each in planted(settings) if each in written]


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_tracebacks_hold_no_secret(log: Callable[[], str], settings: Settings, log_format: str) -> None:
    configure_logs(settings.model_copy(update={"log_format": log_format}))
    for each in planted(settings):
        try:
            raise ConnectionError(f"postgresql://reader:{each}@db") from ValueError(each)
        except ConnectionError:
            structlog.get_logger("ours").exception("failed")
            logging.getLogger("theirs").exception("failed")
            sys.excepthook(*sys.exc_info())
    written = log()
    assert written.count("ConnectionError") >= 3
    assert not [each for each in planted(settings) if each in written]


def test_the_control_shows_what_redaction_takes_away(log: Callable[[], str], settings: Settings) -> None:
    configure_logs(settings, redact=False)
    for secret in SECRETS.values():
        logging.getLogger("theirs").warning("%s", secret)
    written = log()
    missing = [secret for secret in SECRETS.values() if json.dumps(secret)[1:-1] not in written]
    assert not missing


def test_handlers_that_others_made_are_filtered(own_redactor: Redactor) -> None:
    own_redactor.learn(["canary-0123456789"])
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(RedactionFilter())
    logger = logging.Logger("uvicorn.access")
    logger.addHandler(handler)
    try:
        raise ValueError("canary-0123456789")
    except ValueError:
        logger.exception('"GET /api/chat?token=%s"', "canary-0123456789", stack_info=True)
    assert "ValueError" in written.getvalue()
    assert "canary-0123456789" not in written.getvalue()
    assert REPLACEMENT in written.getvalue()


def test_access_lines_of_plain_uvicorn_are_written_and_clean(own_redactor: Redactor) -> None:
    """Its formatter takes the arguments apart: without them each request would leave a traceback."""
    own_redactor.learn(["canary-0123456789"])
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(AccessFormatter("%(client_addr)s %(request_line)s %(status_code)s", use_colors=False))
    handler.addFilter(RedactionFilter())
    logger = logging.Logger("uvicorn.access")
    logger.addHandler(handler)
    logger.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:80", "GET", "/?token=canary-0123456789", "1.1", 404)
    assert written.getvalue() == f"127.0.0.1:80 GET /?token={REPLACEMENT} HTTP/1.1 404 Not Found\n"


@pytest.mark.anyio
async def test_refusals_and_error_events_hold_no_secret(own_redactor: Redactor) -> None:
    own_redactor.learn(["canary-0123456789"])
    error = DocentError("The key canary-0123456789 was refused.")
    assert "canary" not in json.dumps(error_body(error, "id"))

    failed = ReplyPart(outcome="failed", error=error.as_dict())
    told: list[Event] = [event async for event in events_of(replayed(a_turn(), "ada", failed, "stored"))]
    assert told[-1].type == "error"
    assert b"canary" not in b"".join(event.as_sse() for event in told)


def test_visitor_tokens_are_known_by_their_shape() -> None:
    token = VisitorTokens("a key of this test").make().new_token
    assert Redactor().clean(f'{{"token": "{token}"}} ({token})') == f'{{"token": "{REPLACEMENT}"}} ({REPLACEMENT})'
    plain = "app.turns.runner 3f2504e0-4f89-11d3-9a0c-0305e82c3301 langchain_google_genai.chat_models._common"
    assert Redactor().clean(plain) == plain


def test_short_secret_is_removed_where_it_is_a_word() -> None:
    redactor = Redactor()
    redactor.learn(["docs"])
    assert redactor.clean("user:docs@host docstring") == f"user:{REPLACEMENT}@host docstring"


def test_one_redactor_serves_the_process() -> None:
    assert redaction.redactor.enabled
