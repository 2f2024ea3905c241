"""The depth of a JSON text, known before it is parsed, in time that grows with its length alone."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.nesting import too_nested

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=20,
)


def depth_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


def brackets_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 2 + sum(map(brackets_of, inner))


@given(VALUES, st.integers(1, 6), st.booleans())
def test_depth_is_that_of_the_parsed_value(value: Any, levels: int, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert too_nested(text, levels, 10_000) == (depth_of(value) > levels)


@given(VALUES, st.integers(0, 12))
def test_more_brackets_than_allowed_are_too_many(value: Any, brackets: int) -> None:
    if depth_of(value) > 1:  # a text that cannot be too deep is not counted
        assert too_nested(json.dumps(value), 1, brackets)
    assert too_nested(json.dumps([[value]]), 1, brackets)


def test_brackets_in_strings_are_text() -> None:
    assert not too_nested(json.dumps({"question": '[{"[' * 1_000}), 2, 16)
    assert not too_nested(json.dumps({"question": '\\"[[[[[[' * 100}), 2, 16)


@pytest.mark.parametrize("deep", ["[" * 33, '{"a":' * 33 + "1" + "}" * 33, "[" * 33 + "]" * 33, '["x", ' * 40])
def test_deep_text_is_found_whether_it_is_json_or_not(deep: str) -> None:
    assert too_nested(deep, 32, 10_000)


@pytest.mark.parametrize("piece", ['"', '\\"', "[", '["', '"[', "]", "{}", '"\\', "\\", '[]"'], ids=range(10))
def test_hostile_text_costs_no_more_than_its_length(piece: str) -> None:
    began = time.process_time()
    too_nested(piece * (512 * 1024 // len(piece)), 32, 10_000)
    assert time.process_time() - began < 2.0  # tens of milliseconds; what is quadratic takes minutes
