"""The providers' pages name the models that the settings have, and those that were shut down."""

from __future__ import annotations

import re

import pytest
from pages import DOCS

from app.settings import Settings
from chains.ingest.indexer import BATCH
from chains.providers import retired
from chains.providers.cohere_embeddings import OF_ANY_LENGTH
from chains.providers.gemini_embeddings import RECOMMENDED
from chains.providers.local_embeddings import LocalEmbeddings
from chains.providers.local_files import PACKAGE
from chains.rerank import CANDIDATES
from chains.resilience.failures import QUOTA_PAUSE, RATE_PAUSE
from chains.resilience.patience import LONGEST_WAIT, RATE_TRIES, TRIES

PROVIDERS = DOCS / "providers"
SUCCESSORS = retired.CHAT | retired.EMBEDDING
_ROW = re.compile(r"^\| `([^`]+)` \| `([^`]+)` \|$", re.MULTILINE)
_VARIABLE = re.compile(r"^\| \w+ \| `([A-Z_]+)` \| `([^`]+)`", re.MULTILINE)


def page(name: str) -> str:
    return (PROVIDERS / f"{name}.md").read_text()


@pytest.mark.parametrize(("name", "count"), [("gemini", 2), ("cohere", 3)])
def test_default_models_are_those_of_the_settings(name: str, count: int) -> None:
    listed = _VARIABLE.findall(page(name))
    assert len(listed) == count
    assert listed == [(variable, Settings.model_fields[variable.lower()].default) for variable, _ in listed]


def test_models_that_were_shut_down_are_listed_with_their_successors() -> None:
    gemini, cohere = dict(_ROW.findall(page("gemini"))), dict(_ROW.findall(page("cohere")))
    assert gemini | cohere == SUCCESSORS
    assert not gemini.keys() & cohere.keys()
    assert all(name.startswith(("command", "embed-")) for name in cohere)


def test_default_models_were_not_shut_down() -> None:
    defaults = {field.default for name, field in Settings.model_fields.items() if name.endswith("_model")}
    assert len(defaults) > 4
    assert not defaults & SUCCESSORS.keys()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gemini", f"{RECOMMENDED} numbers a vector"),
        ("gemini", f"{RATE_PAUSE:.0f} seconds if it named none"),
        ("gemini", f"at most {BATCH} chunks in a request"),
        ("gemini", f"up to {RATE_TRIES} attempts"),
        ("gemini", f"up to {LONGEST_WAIT:.0f} seconds"),
        ("gemini", f"is tried {TRIES} times"),
        ("cohere", f"{OF_ANY_LENGTH['embed-v4.0'][0]} numbers a vector"),
        ("cohere", f"at most {CANDIDATES} passages"),
        ("cohere", f"more than {Settings.model_fields['rerank_timeout'].default} seconds"),
        (
            "openai-compatible",
            f"`FIRST_TOKEN_TIMEOUT` ({Settings.model_fields['first_token_timeout'].default} seconds)",
        ),
        ("local", f"{LocalEmbeddings.dimensions} numbers a vector"),
    ],
)
def test_figures_are_those_of_the_code(name: str, said: str) -> None:
    assert said in page(name)


def test_an_hour_is_an_hour() -> None:
    assert QUOTA_PAUSE == 3_600
    assert "an hour if it names none" in page("gemini")


def test_the_local_model_is_the_one_of_the_package() -> None:
    assert PACKAGE.removeprefix("gt_").replace("_", "-") in page("local").lower()
