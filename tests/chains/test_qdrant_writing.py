"""The writing half of the Qdrant contract: points, collections, aliases, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from qdrant_client import models
from qdrant_client.http.exceptions import ApiException
from qdrant_sample import FINGERPRINT, NAME, POINTS, fill, on_page, point, vector

from chains.collection import DENSE, SPARSE, Client, create_collection


def test_upsert_twice_keeps_the_count_and_the_newer_payload(empty_engine: Client) -> None:
    fill(empty_engine)
    changed = point(7)
    changed.payload = {"page_content": "new words", "metadata": {"page": "moved.md"}}

    empty_engine.upsert(NAME, points=POINTS)
    empty_engine.upsert(NAME, points=[changed])

    assert empty_engine.count(NAME).count == len(POINTS)
    assert empty_engine.retrieve(NAME, [changed.id])[0].payload == changed.payload


PAGE_4 = {str(POINTS[number].id) for number in range(4, 120, 12)}


@pytest.mark.parametrize(
    ("selector", "gone"),
    [
        ([POINTS[0].id, POINTS[1].id], {POINTS[0].id, POINTS[1].id}),
        (models.PointIdsList(points=[POINTS[0].id]), {POINTS[0].id}),
        (models.FilterSelector(filter=on_page(4)), PAGE_4),
        (on_page(4), PAGE_4),
    ],
    ids=["ids", "list of ids", "filter selector", "filter"],
)
def test_delete_removes_exactly_the_selected(empty_engine: Client, selector: Any, gone: set[str]) -> None:
    fill(empty_engine)

    assert empty_engine.delete(NAME, points_selector=selector).status == models.UpdateStatus.COMPLETED

    left = {hit.id for hit in empty_engine.query_points(NAME, query=vector(4), using=DENSE, limit=200).points}
    assert left == {str(point.id) for point in POINTS} - gone
    assert empty_engine.count(NAME).count == len(left)


def test_set_payload_adds_a_key_to_the_selected(empty_engine: Client) -> None:
    fill(empty_engine)

    empty_engine.set_payload(NAME, payload={"reviewed": True}, points=on_page(4))
    empty_engine.set_payload(NAME, payload={"owner": "docs"}, points=[POINTS[0].id], key="metadata")

    reviewed = models.Filter(must=[models.FieldCondition(key="reviewed", match=models.MatchValue(value=True))])
    assert empty_engine.count(NAME, count_filter=reviewed).count == 10
    (first,) = empty_engine.retrieve(NAME, [POINTS[0].id])
    assert first.payload["metadata"] == {**POINTS[0].payload["metadata"], "owner": "docs"}


def alias_of(name: str) -> models.CreateAliasOperation:
    return models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=name, alias_name="kb"))


def test_alias_swap_shows_the_other_collection_under_the_same_name(empty_engine: Client) -> None:
    fill(empty_engine, "old")
    create_collection(empty_engine, "new", FINGERPRINT)
    empty_engine.upsert("new", points=POINTS[:3])
    empty_engine.update_collection_aliases([alias_of("old")])
    assert (empty_engine.collection_exists("kb"), empty_engine.count("kb").count) == (True, len(POINTS))

    drop_old = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name="kb"))
    empty_engine.update_collection_aliases([drop_old, alias_of("new")])

    assert empty_engine.count("kb").count == 3
    assert [(alias.alias_name, alias.collection_name) for alias in empty_engine.get_aliases().aliases] == [
        ("kb", "new")
    ]
    assert {found.name for found in empty_engine.get_collections().collections} == {"old", "new"}


def test_alias_change_that_fails_leaves_the_aliases_as_they_were(empty_engine: Client) -> None:
    fill(empty_engine, "old")
    empty_engine.update_collection_aliases([alias_of("old")])

    drop_old = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name="kb"))
    with pytest.raises((ApiException, ValueError)):
        empty_engine.update_collection_aliases([drop_old, alias_of("missing")])

    assert empty_engine.count("kb").count == len(POINTS)


def test_collection_describes_itself(empty_engine: Client) -> None:
    fill(empty_engine)

    empty_engine.update_collection(NAME, metadata={"indexed_at": "2026-01-05"})

    info = empty_engine.get_collection(NAME)
    assert info.points_count == len(POINTS)
    assert info.config.params.vectors[DENSE].size == FINGERPRINT.dimensions
    assert info.config.params.sparse_vectors[SPARSE].modifier == models.Modifier.IDF
    assert info.config.metadata == {"docent": FINGERPRINT.as_dict(), "indexed_at": "2026-01-05"}


def test_deleted_collection_is_gone_and_can_be_made_again(empty_engine: Client) -> None:
    fill(empty_engine)

    empty_engine.delete_collection(NAME)

    assert not empty_engine.collection_exists(NAME)
    create_collection(empty_engine, NAME, FINGERPRINT)
    assert empty_engine.count(NAME).count == 0


REFUSED: dict[str, Callable[[Client], object]] = {
    "missing collection": lambda engine: engine.query_points("nope", query=vector(1), using=DENSE),
    "missing description": lambda engine: engine.get_collection("nope"),
    "existing collection": lambda engine: create_collection(engine, NAME, FINGERPRINT),
    "wrong dimension": lambda engine: engine.query_points(NAME, query=[1.0, 2.0], using=DENSE),
    "wrong vector name": lambda engine: engine.query_points(NAME, query=vector(1), using="colour"),
    "fusion of nothing": lambda engine: engine.query_points(NAME, query=models.FusionQuery(fusion=models.Fusion.RRF)),
}


@pytest.mark.parametrize("request_", REFUSED.values(), ids=REFUSED.keys())
def test_impossible_request_is_refused(engine: Client, request_: Callable[[Client], object]) -> None:
    with pytest.raises((ApiException, ValueError)):
        request_(engine)
