"""trec_eval's metrics under our names."""

from __future__ import annotations

import math

import pytest

from chains.evaluation.metrics import score_rankings, summarise


def test_metrics_of_a_ranking() -> None:
    scores = score_rankings({"q": ["a", "b", "c", "d"]}, {"q": {"c": 1, "d": 1, "z": 1}})["q"]
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    expected = {
        "hit@1": 0.0,
        "hit@3": 1.0,
        "hit@5": 1.0,
        "hit@10": 1.0,
        "precision@3": 1 / 3,
        "recall@3": 1 / 3,
        "recall@5": 2 / 3,
        "recall@10": 2 / 3,
        "recall@20": 2 / 3,
        "mrr@3": 1 / 3,
        "mrr@10": 1 / 3,
        "ndcg@10": (1 / math.log2(4) + 1 / math.log2(5)) / ideal,
    }
    assert scores == pytest.approx(expected)


def test_order_of_the_ranking_counts_not_the_order_of_names() -> None:
    assert score_rankings({"q": ["z", "a"]}, {"q": {"z": 1}})["q"]["hit@1"] == 1.0
    assert score_rankings({"q": ["a", "z"]}, {"q": {"z": 1}})["q"]["hit@1"] == 0.0


def test_ranking_counts_to_the_tenth_place() -> None:
    ranking = [str(number) for number in range(12)]
    assert score_rankings({"q": ranking}, {"q": {"9": 1}})["q"]["mrr@10"] == pytest.approx(0.1)
    assert score_rankings({"q": ranking}, {"q": {"10": 1}})["q"]["mrr@10"] == 0.0


def test_question_that_found_nothing_scores_zero() -> None:
    assert set(score_rankings({"q": []}, {"q": {"a": 1}})["q"].values()) == {0.0}


def test_report_is_the_mean_of_all_questions() -> None:
    rankings, relevant = {"q1": ["a"], "q2": ["b"]}, {"q1": {"a": 1}, "q2": {"a": 1}}
    scores = score_rankings(rankings, relevant)
    report = summarise(scores, {"q1": "First?", "q2": "Second?"}, [0.010, 0.030]).as_dict()
    assert report["questions"] == 2
    assert report["hit@5"] == report["mrr@10"] == report["ndcg@10"] == 0.5
    assert report["p50_ms"] == pytest.approx(20)
    assert report["missed"] == ["Second?"]
