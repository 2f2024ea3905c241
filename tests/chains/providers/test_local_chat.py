"""Answers made of the passages' own sentences."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage

from chains.providers import chat_model
from chains.providers.local_chat import NO_PASSAGES, NOTHING_TO_QUOTE, ExtractiveChat
from chains.providers.local_embeddings import LocalEmbeddings
from chains.settings import ChainSettings

pytestmark = pytest.mark.anyio

XQUAD = Path(__file__).parents[4] / "shared" / "data" / "retrieval" / "xquad-en"

ROBOT = (
    "The gripper closes when the force sensor reports contact. It opens again after two seconds. "
    "The arm is painted blue. Its joints are made of steel and weigh nine kilograms."
)
INSTALL = (
    "Python 3.11 is needed. Install the service from a clone:\n\n```bash\nmake setup\nmake serve\n```\n\n"
    "It then listens on port 7860."
)
FLAGS = "| Flag | Meaning |\n|---|---|\n| `--port` | the port to listen on |\n| `--host` | the address to bind |\n"
STEPS = "To roll a deployment back:\n\n1. Stop the traffic.\n2. Run `docent rollback`.\n\nRollbacks take a minute."


@pytest.fixture(scope="module")
def chat(local: LocalEmbeddings) -> ExtractiveChat:
    return ExtractiveChat(embeddings=local)


def ask(question: str, *passages: str) -> list[Any]:
    documents = [{"id": str(n), "title": "Guide", "text": text} for n, text in enumerate(passages, start=1)]
    prompt = HumanMessage("the whole prompt", additional_kwargs={"question": question, "documents": documents})
    return [SystemMessage("Answer from the passages."), prompt]


def sentences(answer: str) -> list[tuple[str, int]]:
    return [(text.strip(), int(n)) for text, n in re.findall(r"(.+?) \[(\d)\]", answer, re.DOTALL)]


def test_settings_choose_the_extractive_model(local: LocalEmbeddings) -> None:
    model = chat_model(ChainSettings(chat_provider="local"), local)
    assert isinstance(model, ExtractiveChat)
    assert (model.model_name, model._llm_type) == ("local-extractive", "local-extractive")


def test_answer_holds_sentences_of_their_passages(chat: ExtractiveChat) -> None:
    answer = chat.invoke(ask("When does the gripper close?", INSTALL, ROBOT)).text
    found = sentences(answer)
    assert found[0] == ("The gripper closes when the force sensor reports contact.", 2)
    assert 2 <= len(found) <= 3
    assert all(text in " ".join((INSTALL, ROBOT)[n - 1].split()) for text, n in found)


def test_answer_brings_the_code_that_a_sentence_introduces(chat: ExtractiveChat) -> None:
    answer = chat.invoke(ask("How do I install the service?", ROBOT, INSTALL)).text
    assert "Install the service from a clone: [2]\n\n```bash\nmake setup\nmake serve\n```" in answer


def test_answer_brings_the_steps_that_a_sentence_introduces(chat: ExtractiveChat) -> None:
    answer = chat.invoke(ask("How do I roll a deployment back?", STEPS, ROBOT)).text
    assert "To roll a deployment back: [1]\n\n1. Stop the traffic.\n2. Run `docent rollback`." in answer
    assert answer.count("docent rollback") == 1


def test_answer_shows_rows_as_a_table(chat: ExtractiveChat) -> None:
    answer = chat.invoke(ask("Which flag sets the port to listen on?", FLAGS)).text
    assert answer.startswith("| Flag | Meaning |\n|---|---|\n| `--port` | the port to listen on [1] |")
    assert answer.count("| Flag |") == 1


def test_answer_repeats_nothing(chat: ExtractiveChat) -> None:
    answer = chat.invoke(ask("When does the gripper close?", ROBOT, ROBOT)).text
    assert answer.count("The gripper closes") == 1


@pytest.mark.parametrize("passage", ["", "# Only a heading", "```\nonly_code()\n```"])
def test_answer_without_a_sentence_says_so(chat: ExtractiveChat, passage: str) -> None:
    assert chat.invoke(ask("What now?", passage)).text == NOTHING_TO_QUOTE


def test_answer_without_passages_says_so(chat: ExtractiveChat) -> None:
    assert chat.invoke(ask("What now?")).text == NO_PASSAGES
    assert chat.invoke("Only a message").text == NO_PASSAGES


@pytest.mark.parametrize(
    ("question", "passage", "first"),
    [
        ("機器人會走路嗎？", "機器人在學習。它會走路。", "機器人在學習。 [1]"),
        ("ماذا يفعل الروبوت؟", "الروبوت يمشي. الروبوت يتعلم كل يوم.", "الروبوت يمشي."),
        ("रोबोट क्या करता है?", "रोबोट चलता है। वह सीखता है।", "रोबोट चलता है।"),
    ],
)
def test_other_scripts_are_quoted_too(chat: ExtractiveChat, question: str, passage: str, first: str) -> None:
    assert first in chat.invoke(ask(question, passage)).text


def test_message_text_is_the_question_when_none_is_given(chat: ExtractiveChat) -> None:
    documents = [{"id": "7", "title": "", "text": ROBOT}]
    answer = chat.invoke([HumanMessage("What is painted blue?", additional_kwargs={"documents": documents})]).text
    assert "The arm is painted blue. [7]" in answer


def test_streamed_chunks_add_up(chat: ExtractiveChat) -> None:
    question = ask("How do I install the service and close the gripper?", INSTALL, ROBOT, FLAGS)
    chunks = list(chat.stream(question))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    invoked = chat.invoke(question)
    assert len(chunks) > 5
    assert whole.text == invoked.text
    assert whole.usage_metadata == invoked.usage_metadata


async def test_streamed_chunks_add_up_without_blocking(chat: ExtractiveChat) -> None:
    question = ask("When does the gripper close?", ROBOT, INSTALL)
    chunks = [chunk async for chunk in chat.astream(question)]
    assert "".join(chunk.text for chunk in chunks) == chat.invoke(question).text == (await chat.ainvoke(question)).text


async def test_last_chunk_says_who_answered_and_what_it_cost(chat: ExtractiveChat) -> None:
    *_, last = [chunk async for chunk in chat.astream(ask("When does the gripper close?", ROBOT))]
    assert isinstance(last, AIMessageChunk)
    assert last.response_metadata["model_name"] == "local-extractive"
    assert last.response_metadata["finish_reason"] == "stop"
    assert last.usage_metadata is not None
    assert last.usage_metadata["input_tokens"] == 40
    assert last.usage_metadata["output_tokens"] > 10


def test_same_question_has_the_same_answer(chat: ExtractiveChat) -> None:
    question = ask("What is made of steel?", ROBOT, INSTALL, STEPS)
    assert len({chat.invoke(question).text for _ in range(3)}) == 1


@pytest.mark.skipif(not XQUAD.is_dir(), reason=f"{XQUAD} is absent: the sets of questions lie beside the repository")
def test_answer_holds_the_gold_string(chat: ExtractiveChat) -> None:
    """100 of XQuAD's questions, each with its paragraph and two others in any order: measured .93 (400: .935)."""
    paragraphs = {line["_id"]: line["text"] for line in map(json.loads, (XQUAD / "corpus.jsonl").open())}
    home = dict(line.split("\t")[:2] for line in (XQUAD / "qrels.tsv").read_text().splitlines()[1:])
    chance = random.Random(3)
    questions = chance.sample([json.loads(line) for line in (XQUAD / "queries.jsonl").open()], 100)
    held = 0
    for question in questions:
        passages = [paragraphs[home[question["_id"]]], *chance.sample(sorted(paragraphs.values()), 2)]
        chance.shuffle(passages)
        answer = chat.invoke(ask(question["text"], *passages)).text
        held += any(gold in answer for gold in question["answers"])
    assert held >= 85
