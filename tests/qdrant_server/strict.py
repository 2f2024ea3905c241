"""Strict mode, as Qdrant Cloud has it on by default: what is filtered by must be indexed, by an index of its type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from qdrant_client import models

ANY = tuple(schema.value for schema in models.PayloadSchemaType)

Wanted = tuple[str, tuple[str, ...]]  # a key, and the types of index of which it needs one


class IndexRequired(Exception):
    """A filter on a key without an index; the message is Qdrant's."""

    def __init__(self, key: str, types: tuple[str, ...]) -> None:
        super().__init__(
            f'Bad request: Index required but not found for "{key}" of one of the following types: '
            f"[{', '.join(types)}]. Help: Create an index for this key or use a different filter."
        )


def require_indexes(schema: Mapping[str, models.PayloadIndexInfo], *filters: models.Filter | None) -> None:
    """
    Raises:
        IndexRequired: one of the filters has a key that `schema` does not index.
    """
    for wanted in filters:
        for key, types in _filter_keys(wanted):
            require_index(schema, key, types)


def require_index(schema: Mapping[str, models.PayloadIndexInfo], key: str, types: tuple[str, ...] = ANY) -> None:
    if key not in schema or schema[key].data_type.value not in types:
        raise IndexRequired(key, types)


def filters_of(request: Any) -> Iterator[models.Filter | None]:
    """The filters of a query and of everything that it prefetches."""
    yield request.filter
    prefetches = request.prefetch or []
    for prefetch in prefetches if isinstance(prefetches, list) else [prefetches]:
        yield from filters_of(prefetch)


def _filter_keys(wanted: models.Filter | None, prefix: str = "") -> Iterator[Wanted]:
    if wanted is None:
        return
    least = wanted.min_should.conditions if wanted.min_should else None
    for clause in (wanted.must, wanted.should, wanted.must_not, least):
        for condition in clause if isinstance(clause, list) else [clause] if clause else []:
            yield from _condition_keys(condition, prefix)


def _condition_keys(condition: Any, prefix: str) -> Iterator[Wanted]:
    match condition:
        case models.FieldCondition():
            yield prefix + condition.key, _types(condition)
        case models.Filter():
            yield from _filter_keys(condition, prefix)
        case models.NestedCondition():
            yield from _filter_keys(condition.nested.filter, f"{prefix}{condition.nested.key}[].")
        case models.IsEmptyCondition():
            yield prefix + condition.is_empty.key, ANY
        case models.IsNullCondition():
            yield prefix + condition.is_null.key, ANY


def _types(condition: models.FieldCondition) -> tuple[str, ...]:
    if isinstance(condition.range, models.DatetimeRange):
        return ("datetime",)
    if condition.range is not None:
        return ("float", "integer")
    match condition.match:
        case models.MatchValue(value=value):
            return _types_of(value)
        case models.MatchAny(any=[value, *_]) | models.MatchExcept(except_=[value, *_]):
            return _types_of(value)
        case models.MatchText() | models.MatchTextAny() | models.MatchPhrase():
            return ("text",)
    return ANY


def _types_of(value: str | int | bool) -> tuple[str, ...]:
    if isinstance(value, bool):
        return ("bool",)
    return ("integer",) if isinstance(value, int) else ("keyword", "uuid")
