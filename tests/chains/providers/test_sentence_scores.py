"""Scores by words."""

import numpy as np

from chains.providers.sentence_scores import score_by_words, standardise, words


def test_words_lose_endings_and_stop_words() -> None:
    assert words("How are the deployments configured?") == ["deployment", "configur"]
    assert words("a deployment that configures") == ["deployment", "configur"]


def test_rare_words_weigh_more() -> None:
    texts = ["the robot arm", "the robot leg", "the gripper arm", "the robot eye"]
    scores = score_by_words("robot gripper", texts)
    assert np.argmax(scores) == 2


def test_texts_without_a_common_word_score_nothing() -> None:
    assert score_by_words("knots", ["oil price", "war"]).tolist() == [0, 0]
    assert score_by_words("knots", []).tolist() == []
    assert score_by_words("", ["oil"]).tolist() == [0]


def test_standardise_of_equal_scores_is_zero() -> None:
    assert standardise(np.array([2.0, 2.0])).tolist() == [0, 0]
    assert np.allclose(standardise(np.array([1.0, 3.0])), [-1, 1])
