"""The reading half of the Qdrant contract: searches, pages and counts agree on every engine."""

from __future__ import annotations

from typing import Any

import pytest
from qdrant_client import models
from qdrant_sample import NAME, POINTS, on_page, sparse, vector

from chains.collection import DENSE, SPARSE, Client


def scores(answer: Any) -> dict[str, float]:
    return {hit.id: hit.score for hit in answer.points}


HYBRID = [
    models.Prefetch(query=vector(900), using=DENSE, limit=20),
    models.Prefetch(query=sparse("restart the robot camera"), using=SPARSE, limit=20),
]
SAME_ORDER: dict[str, dict[str, Any]] = {
    "dense": {"query": vector(900), "using": DENSE},
    "dense page 2": {"query": vector(900), "using": DENSE, "offset": 10},
    "dense with a threshold": {"query": vector(900), "using": DENSE, "score_threshold": 0.3, "limit": 50},
    "dense on a page": {"query": vector(900), "using": DENSE, "query_filter": on_page(4)},
    "mmr": {
        "query": models.NearestQuery(nearest=vector(900), mmr=models.Mmr(diversity=0.7, candidates_limit=40)),
        "using": DENSE,
    },
    "dense among BM25": {"query": vector(900), "using": DENSE, "prefetch": HYBRID[1]},
}


@pytest.mark.parametrize("query", SAME_ORDER.values(), ids=SAME_ORDER.keys())
def test_query_gives_the_same_points_and_scores(engine: Client, oracle: Client, query: dict[str, Any]) -> None:
    expected = oracle.query_points(NAME, **query)

    found = engine.query_points(NAME, **query)

    assert [hit.id for hit in found.points] == [hit.id for hit in expected.points]
    assert scores(found) == pytest.approx(scores(expected), abs=1e-5)
    assert [hit.payload for hit in found.points] == [hit.payload for hit in expected.points]
    assert expected.points


def test_query_by_bm25_gives_the_same_scores(engine: Client, oracle: Client) -> None:
    query = {"query": sparse("restart the robot camera"), "using": SPARSE, "limit": 120}

    assert scores(engine.query_points(NAME, **query)) == pytest.approx(
        scores(oracle.query_points(NAME, **query)), abs=1e-5
    )


def test_query_by_an_empty_bm25_vector_finds_nothing(engine: Client) -> None:
    assert engine.query_points(NAME, query=sparse("the of and"), using=SPARSE).points == []


FUSIONS = {
    "rrf": models.FusionQuery(fusion=models.Fusion.RRF),
    "rrf k=60": models.RrfQuery(rrf=models.Rrf(k=60)),
    "weighted rrf": models.RrfQuery(rrf=models.Rrf(weights=[3.0, 1.0])),
    "dbsf": models.FusionQuery(fusion=models.Fusion.DBSF),
}


@pytest.mark.parametrize("fusion", FUSIONS.values(), ids=FUSIONS.keys())
@pytest.mark.parametrize("wanted", [None, on_page(4)], ids=["all", "one page"])
def test_fusion_gives_the_same_points_and_scores(
    engine: Client, oracle: Client, fusion: Any, wanted: models.Filter | None
) -> None:
    """As a mapping: where two scores are equal, engines differ in the order."""
    query = {"query": fusion, "prefetch": HYBRID, "query_filter": wanted, "limit": 40}

    expected = scores(oracle.query_points(NAME, **query))

    assert scores(engine.query_points(NAME, **query)) == pytest.approx(expected, abs=1e-5)
    assert len(expected) >= 10


def test_batch_of_queries_equals_the_single_ones(engine: Client) -> None:
    answers = engine.query_batch_points(
        NAME,
        [
            models.QueryRequest(query=vector(1), using=DENSE, limit=5, with_payload=True),
            models.QueryRequest(query=sparse("robot"), using=SPARSE, limit=200),
            models.QueryRequest(query=vector(2), using=DENSE, limit=3, filter=on_page(1), with_vector=[SPARSE]),
        ],
    )

    assert answers[0] == engine.query_points(NAME, query=vector(1), using=DENSE, limit=5)
    assert scores(answers[1]) == scores(engine.query_points(NAME, query=sparse("robot"), using=SPARSE, limit=200))
    assert not any(hit.payload for hit in answers[1].points)
    assert [list(hit.vector) for hit in answers[2].points] == [[SPARSE]] * 3


def test_payload_selection_reads_only_the_named_keys(engine: Client) -> None:
    query = {"query": vector(5), "using": DENSE, "limit": 1}

    named = engine.query_points(NAME, with_payload=["metadata.page"], **query).points[0]
    others = engine.query_points(
        NAME, with_payload=models.PayloadSelectorExclude(exclude=["metadata"]), **query
    ).points[0]
    nothing = engine.query_points(NAME, with_payload=False, **query).points[0]

    assert named.payload == {"metadata": {"page": "guide/page-5.md"}}
    assert others.payload is not None
    assert list(others.payload) == ["page_content"]
    assert not nothing.payload


def test_vectors_come_back_as_written(engine: Client) -> None:
    (found,) = engine.retrieve(NAME, [POINTS[9].id], with_vectors=True)

    written = POINTS[9].vector
    length = sum(number**2 for number in written[DENSE]) ** 0.5
    assert found.vector[DENSE] == pytest.approx([number / length for number in written[DENSE]], abs=1e-6)
    assert dict(zip(found.vector[SPARSE].indices, found.vector[SPARSE].values, strict=True)) == pytest.approx(
        dict(zip(written[SPARSE].indices, written[SPARSE].values, strict=True)), abs=1e-6
    )


def test_retrieve_gives_the_existing_points_in_the_order_asked_for(engine: Client) -> None:
    missing = "00000000-0000-0000-0000-000000000000"

    found = engine.retrieve(NAME, [POINTS[8].id, missing, POINTS[2].id])

    assert [(record.id, record.payload) for record in found] == [
        (POINTS[8].id, POINTS[8].payload),
        (POINTS[2].id, POINTS[2].payload),
    ]


def test_scroll_pages_over_every_point_once(engine: Client) -> None:
    seen, offset, pages = [], None, 0
    while True:
        records, offset = engine.scroll(NAME, limit=50, offset=offset, with_payload=["metadata.page"])
        seen += [record.id for record in records]
        pages += 1
        if offset is None:
            break

    assert sorted(seen) == sorted(str(point.id) for point in POINTS)
    assert pages == 3


def test_facet_counts_every_page(engine: Client) -> None:
    hits = engine.facet(NAME, key="metadata.page", limit=50).hits

    assert {hit.value: hit.count for hit in hits} == {f"guide/page-{number}.md": 10 for number in range(12)}
    filtered = engine.facet(NAME, key="metadata.version", facet_filter=on_page(0)).hits
    assert [(hit.value, hit.count) for hit in filtered] == [("1.0", 10)]
