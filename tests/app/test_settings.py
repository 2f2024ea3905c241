"""Settings that are wrong end the process with the variable's name; its value is shown nowhere."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import pytest
from doors import READER
from live_service import LiveService

from app.cli import main
from app.settings import NamedSettings, Settings

WRONG = {
    "PORT": "abcdefg",
    "HOST,PORT": "70000",
    "LOG_LEVEL": "loud",
    "LOG_FORMAT": "xml-ish",
    "ENVIRONMENT": "staging",
    "ALLOWED_ORIGINS": "book.example",
    "ALLOWED_ORIGIN_REGEX": "(unclosed",
    "SECRET_KEY": "tooshort",
    "ADMIN_TOKEN": "tiny123",
    "QDRANT_COLLECTION": "with a blank",
    "TURN_DEADLINE": "-86419",
    "EMBEDDING_PROVIDER": "abacus",
}


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def refusal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr(sys, "argv", ["docent", "serve"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("name", WRONG)
def test_wrong_value_ends_the_process_and_names_the_variable(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    variable = name.rpartition(",")[2]
    monkeypatch.setenv(variable, WRONG[name])
    told = refusal(monkeypatch, capsys)
    assert told.startswith(f"docent: {variable}: ")
    assert WRONG[name] not in told
    assert ".env" in told


def test_any_origin_is_refused_in_production(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ALLOWED_ORIGINS", "*")
    assert Settings.load().origins == ["*"]
    monkeypatch.setenv("SPACE_ID", "someone/book")
    assert "ALLOWED_ORIGINS: '*' is refused in production" in refusal(monkeypatch, capsys)


def test_all_wrong_values_are_told_at_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for variable in ("PORT", "LOG_LEVEL", "TURN_DEADLINE"):
        monkeypatch.setenv(variable, "wrong")
    told = refusal(monkeypatch, capsys)
    assert all(f"{variable}: " in told for variable in ("PORT", "LOG_LEVEL", "TURN_DEADLINE"))


def test_env_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("PORT=8123\nLOG_LEVEL=debug\n")
    monkeypatch.setenv("LOG_LEVEL", "error")
    assert (Settings.load().port, Settings.load().log_level) == (8123, "ERROR")


def test_file_that_was_named_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "other.env").write_text("PORT=8001\n")
    monkeypatch.setenv("PORT", "8002")
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    settings = NamedSettings.load(_env_file=tmp_path / "other.env")
    assert (settings.port, settings.log_level) == (8001, "ERROR")


@pytest.mark.parametrize("value", [" 8200\n", '"8200"', "'8200' ", '" 8200 "'])
def test_blanks_and_quotes_are_removed_with_a_warning_that_hides_the_value(
    value: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PORT", value)
    with caplog.at_level(logging.WARNING):
        assert Settings.load().port == 8200
    assert "PORT has blanks or quotes" in caplog.text
    assert "8200" not in caplog.text


@pytest.mark.parametrize("value", ["", "  ", '""'])
def test_empty_variable_is_an_absent_one(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDRANT_URL", value)
    monkeypatch.setenv("PORT", value)
    assert (Settings.load().qdrant_url, Settings.load().port) == (None, 7860)


def test_running_service_has_warned_without_the_value(service: LiveService) -> None:
    log = service.log.read_text()
    assert "ALLOWED_ORIGINS has blanks or quotes" in log
    assert "LOG_LEVEL has blanks or quotes" in log
    assert READER not in log
