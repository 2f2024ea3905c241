"""What a chat request holds, whichever provider's words it came in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.provider_simulator.words import count_tokens

PASSAGE = re.compile(r'<passage id="(?P<id>[^"]*)"(?P<rest>[^>]*)>\n?(?P<text>.*?)\n?</passage[^>]*>', re.DOTALL)
QUESTION = re.compile(r"^Question:[ \t]*(?P<question>.*)\Z", re.DOTALL | re.MULTILINE)


FENCED = re.compile(
    r'<(?P<name>\w+)[^>]*? fence="(?P<fence>\w+)"[^>]*>\n?(?P<text>.*?)\n?</(?P=name) (?P=fence)>', re.DOTALL
)


def without_fence(text: str) -> str:
    """What a document of Cohere's holds between the tags that its sender may have put around it."""
    found = FENCED.fullmatch(text.strip())
    return found["text"] if found else text


@dataclass(frozen=True)
class Passage:
    """`id` is its number in the prompt, or what Cohere's client calls the document."""

    id: str
    text: str


@dataclass(frozen=True)
class Message:
    role: str
    text: str


@dataclass(frozen=True)
class Prompt:
    """`documents` are Cohere's; `schema` is the JSON schema that the answer is to follow."""

    model: str
    system: str
    messages: Sequence[Message]
    documents: Sequence[Passage] = ()
    max_tokens: int | None = None
    schema: dict[str, Any] | None = None

    @property
    def last(self) -> str:
        return self.messages[-1].text

    @property
    def question(self) -> str:
        """Outside of what the instructions mark as material, where a page may ask questions of its own."""
        last = self.without_material().last
        found = QUESTION.search(last)
        return (found["question"] if found else PASSAGE.sub("", last)).strip()

    @property
    def context(self) -> str:
        """The last message without the question."""
        found = QUESTION.search(self.last)
        return self.last[: found.start()] if found else ""

    @property
    def passages(self) -> list[Passage]:
        """The numbered passages, wherever they stand."""
        everything = "\n".join([self.system, *(message.text for message in self.messages)])
        return [Passage(found["id"], found["text"]) for found in PASSAGE.finditer(everything)]

    def without_material(self) -> Prompt:
        """As a model reads it that was told what is material: what stands between tags which bear the word that the
        instructions name and that no page can know. A word that the instructions do not name says nothing to it."""

        def outside(text: str) -> str:
            return FENCED.sub(lambda found: "" if f'"{found["fence"]}"' in self.system else found[0], text)

        messages = [replace(message, text=outside(message.text)) for message in self.messages]
        return replace(
            self, messages=messages, documents=[replace(one, text=outside(one.text)) for one in self.documents]
        )

    @property
    def tokens(self) -> int:
        texts = [self.system, *(message.text for message in self.messages), *(one.text for one in self.documents)]
        return sum(count_tokens(text) for text in texts)
