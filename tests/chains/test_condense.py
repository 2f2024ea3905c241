"""What a follow-up searches for."""

from __future__ import annotations

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from chains.condense import SELECTION_SHARE, readable, repeat_question
from chains.turn import ChatTurn


def condense(question: str, *history: BaseMessage, selected_text: str | None = None) -> str:
    return repeat_question({"turn": ChatTurn(question=question, selected_text=selected_text), "history": list(history)})


def test_first_question_stays_as_it_is() -> None:
    assert condense("How do I\nenable telemetry?") == "How do I\nenable telemetry?"


def test_follow_up_is_doubled_before_the_readers_previous_question() -> None:
    query = condense(
        "And how do I undo that?",
        HumanMessage("What is a torque limit?"),
        AIMessage("A limit."),
        HumanMessage("How do I enable\ntelemetry?"),
        AIMessage("Run it."),
    )
    assert query.splitlines() == [
        "And how do I undo that?",
        "And how do I undo that?",
        "How do I enable telemetry?",
    ]


def test_marked_text_is_what_a_question_leans_on() -> None:
    query = condense("What is this?", HumanMessage("Hi?"), selected_text="torque\nlimits " * 100)
    assert query.splitlines()[:2] == ["What is this?"] * 2
    assert query.splitlines()[2].startswith("torque limits torque")
    assert len(query.splitlines()[2]) <= SELECTION_SHARE


def test_readable_query_says_everything_once() -> None:
    assert readable("And that?\nAnd that?\nWhat is this?") == "And that? What is this?"


def test_question_that_found_nothing_is_not_leaned_upon() -> None:
    refused = AIMessage("I could not find it.", response_metadata={"outcome": "no_evidence"})
    football = HumanMessage("Who won in 1998?")
    assert condense("Which port?", football, refused) == "Which port?"
    before = [HumanMessage("What is a joint?"), AIMessage("A part.", response_metadata={"outcome": "answered"})]
    assert readable(condense("Which port?", *before, football, refused)) == "Which port? What is a joint?"


def test_follow_up_leans_on_what_was_marked_for_the_question_before() -> None:
    before = HumanMessage("What does this do?", additional_kwargs={"selected_text": "`--max-torque`\n" * 100})
    query = condense("And its default?", before, AIMessage("It sets a limit."))
    assert query.splitlines()[2].startswith("What does this do? `--max-torque` `--max-torque`")
    assert len(query) < 2 * SELECTION_SHARE
