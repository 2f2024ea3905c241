"""Qdrant's filter models in the words of Qdrant Edge. What Edge cannot do is refused by name, never dropped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any

import numpy
import qdrant_edge as edge
from qdrant_client import models


class UnsupportedRequest(ValueError):
    """A request that a Qdrant server would understand and the embedded engine's adapter does not."""


def refuse(part: Any) -> UnsupportedRequest:
    """The error for `part`, a value or the name of an option."""
    name = part if isinstance(part, str) else type(part).__name__
    return UnsupportedRequest(f"The embedded Qdrant engine does not support {name} here; use a Qdrant server for it.")


def refuse_set(model: Any, *fields: str) -> None:
    """Raises UnsupportedRequest when one of the model's `fields` asks for something."""
    for field in fields:
        if getattr(model, field) is not None:
            raise refuse(f"{type(model).__name__}.{field}")


def optional_filter(wanted: models.Filter | None) -> edge.Filter | None:
    return None if wanted is None else edge_filter(wanted)


def edge_filter(wanted: models.Filter) -> edge.Filter:
    """
    Raises:
        UnsupportedRequest: a condition that the adapter does not translate (geometry, slices).
    """
    return edge.Filter(
        must=_conditions(wanted.must),
        should=_conditions(wanted.should),
        must_not=_conditions(wanted.must_not),
        min_should=_min_should(wanted.min_should),
    )


def _min_should(wanted: models.MinShould | None) -> edge.MinShould | None:
    return None if wanted is None else edge.MinShould(_conditions(wanted.conditions) or [], wanted.min_count)


def _conditions(wanted: Any) -> list[Any] | None:
    if wanted is None:
        return None
    return [_condition(condition) for condition in (wanted if isinstance(wanted, list) else [wanted])]


def _condition(wanted: Any) -> Any:
    match wanted:
        case models.Filter():
            return edge_filter(wanted)
        case models.FieldCondition():
            return _field_condition(wanted)
        case models.HasIdCondition():
            return edge.HasIdCondition(set(wanted.has_id))
        case models.HasVectorCondition():
            return edge.HasVectorCondition(wanted.has_vector)
        case models.IsEmptyCondition():
            return edge.IsEmptyCondition(wanted.is_empty.key)
        case models.IsNullCondition():
            return edge.IsNullCondition(wanted.is_null.key)
        case models.NestedCondition():
            return edge.NestedCondition(wanted.nested.key, edge_filter(wanted.nested.filter))
    raise refuse(wanted)


def _field_condition(wanted: models.FieldCondition) -> edge.FieldCondition:
    refuse_set(wanted, "geo_bounding_box", "geo_radius", "geo_polygon")
    return edge.FieldCondition(
        key=wanted.key,
        match=_match(wanted.match),
        range=_range(wanted.range),
        values_count=_values_count(wanted.values_count),
        is_empty=wanted.is_empty,
        is_null=wanted.is_null,
    )


def _values_count(wanted: models.ValuesCount | None) -> edge.ValuesCount | None:
    if wanted is None:
        return None
    return edge.ValuesCount(lt=wanted.lt, gt=wanted.gt, lte=wanted.lte, gte=wanted.gte)


_MATCHES: dict[type, Callable[[Any], Any]] = {
    models.MatchValue: lambda match: edge.MatchValue(_value(match.value)),
    models.MatchAny: lambda match: edge.MatchAny(match.any),
    models.MatchExcept: lambda match: edge.MatchExcept(match.except_),
    models.MatchText: lambda match: edge.MatchText(match.text),
    models.MatchTextAny: lambda match: edge.MatchTextAny(match.text_any),
    models.MatchPhrase: lambda match: edge.MatchPhrase(match.phrase),
}


def _value(value: Any) -> Any:
    """Edge 0.9 reads Python's True as the integer 1, which matches no boolean; numpy's it reads as a boolean."""
    return numpy.bool_(value) if isinstance(value, bool) else value


def _match(wanted: Any) -> Any:
    if wanted is None:
        return None
    if type(wanted) not in _MATCHES:
        raise refuse(wanted)
    return _MATCHES[type(wanted)](wanted)


def _range(wanted: models.Range | models.DatetimeRange | None) -> edge.RangeFloat | edge.RangeDateTime | None:
    if wanted is None:
        return None
    if isinstance(wanted, models.Range):
        return edge.RangeFloat(gte=wanted.gte, gt=wanted.gt, lte=wanted.lte, lt=wanted.lt)
    return edge.RangeDateTime(
        gte=_instant(wanted.gte), gt=_instant(wanted.gt), lte=_instant(wanted.lte), lt=_instant(wanted.lt)
    )


def _instant(bound: datetime | date | None) -> str | None:
    """RFC 3339. A time without a zone is UTC and a date is its midnight, as on a Qdrant server."""
    if bound is None:
        return None
    moment = bound if isinstance(bound, datetime) else datetime.combine(bound, time())
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
