"""Filters of the Qdrant contract: every condition selects the same points on every engine."""

from __future__ import annotations

from datetime import datetime

import pytest
from qdrant_client import models
from qdrant_sample import NAME, POINTS, field, on_page

from chains.collection import SPARSE, Client

FILTERS = {
    "value": models.Filter(must=[field("version", match=models.MatchValue(value="1.0"))]),
    "single condition without a list": models.Filter(must=field("ordinal", match=models.MatchValue(value=3))),
    "boolean": models.Filter(must=[field("hidden", match=models.MatchValue(value=True))]),
    "any": models.Filter(must=[field("tags", match=models.MatchAny(any=["tag1", "tag4"]))]),
    "except": models.Filter(must=[field("version", match=models.MatchExcept(**{"except": ["1.0"]}))]),
    "text": models.Filter(must=[models.FieldCondition(key="page_content", match=models.MatchText(text="robot"))]),
    "range": models.Filter(must=[field("ordinal", range=models.Range(gte=2, lt=5))]),
    "time range": models.Filter(
        must=[field("made", range=models.DatetimeRange(gt=datetime(2026, 1, 5), lte=datetime(2026, 1, 9, 12)))]
    ),
    "ids": models.Filter(must=[models.HasIdCondition(has_id=[POINTS[3].id, POINTS[7].id])]),
    "vector": models.Filter(must=[models.HasVectorCondition(has_vector=SPARSE)]),
    "empty": models.Filter(must=[models.IsEmptyCondition(is_empty=models.PayloadField(key="metadata.note"))]),
    "null": models.Filter(must=[models.IsNullCondition(is_null=models.PayloadField(key="metadata.note"))]),
    "count of values": models.Filter(must=[field("tags", values_count=models.ValuesCount(gte=2))]),
    "must not": models.Filter(must_not=[field("version", match=models.MatchValue(value="1.0"))]),
    "should": models.Filter(
        should=[field("ordinal", match=models.MatchValue(value=1)), field("ordinal", match=models.MatchValue(value=2))]
    ),
    "two of three": models.Filter(
        min_should=models.MinShould(
            conditions=[
                field("version", match=models.MatchValue(value="1.0")),
                field("tags", match=models.MatchValue(value="tag1")),
                field("ordinal", range=models.Range(lt=4)),
            ],
            min_count=2,
        )
    ),
    "nested": models.Filter(
        must=[
            models.NestedCondition(
                nested=models.Nested(
                    key="metadata.sections",
                    filter=models.Filter(
                        must=[
                            models.FieldCondition(key="level", match=models.MatchValue(value=2)),
                            models.FieldCondition(key="shown", match=models.MatchValue(value=True)),
                        ]
                    ),
                )
            )
        ]
    ),
    "filter in a filter": models.Filter(
        must=[on_page(4), models.Filter(must_not=[field("ordinal", match=models.MatchValue(value=0))])]
    ),
}


@pytest.mark.parametrize("wanted", FILTERS.values(), ids=FILTERS.keys())
def test_filter_selects_the_same_points(engine: Client, oracle: Client, wanted: models.Filter) -> None:
    expected = {record.id for record in oracle.scroll(NAME, scroll_filter=wanted, limit=200)[0]}

    assert {record.id for record in engine.scroll(NAME, scroll_filter=wanted, limit=200)[0]} == expected
    assert engine.count(NAME, count_filter=wanted).count == len(expected)
    assert 0 < len(expected) <= len(POINTS)
