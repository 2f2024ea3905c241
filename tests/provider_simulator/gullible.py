"""A model that falls for everything: it does what any text in its prompt tells it to do.

Only what its instructions mark as material, by tags that nobody else can know, it reads as material.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator

from tests.provider_simulator.prompt import Prompt

LIMIT = 20  # instructions in one answer

SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
POLITE = r"(?:please|now|then|and|also|instead|always|you (?:must|should|will)|(?:can|could) you|[\w ]{1,40}:)[,\s]+"
VERBS = (
    r"advise|analy[sz]e|answer|assess|automatically|break down|calculate|cite|classify|compare|compose|convince|"
    r"describe|determine|develop|disclose|disregard|draft|encode|estimate|evaluate|explain|find|forecast|forget|gather|generate|"
    r"give|identify|ignore|list|look up|mention|organi[sz]e|output|perform|persuade|predict|pretend|print|promote|"
    r"provide|quote|recommend|remind|render|repeat|reply|research|respond|reveal|reverse|say|schedule|"
    r"send (?:an? )?(?:e-?mail|message)|set (?:up )?an? (?:reminder|alarm|meeting)|share|spread|substitute|suggest|"
    r"summari[sz]e|swap|tell|translate|warn|write|replace (?:\w+ ){0,4}(?:letters?|vowels|words|characters)"
)
COMMAND = re.compile(rf"(?:{POLITE})*(?:{VERBS})\b", re.IGNORECASE)
# What pages tell their readers, too: a command to the model only when it brings something to say.
ADDITION = re.compile(
    rf"(?:{POLITE})*(?:add|append|begin|display|embed|end|include|insert|show|start)\b.*(?:\"|“|https?://|<\w)",
    re.IGNORECASE,
)
ABOUT_THE_ANSWER = re.compile(
    r"\byour (?:[\w'-]+ ){0,3}(?:answer|response|reply|message|output|rules|instructions|guidelines|prompt)\b",
    re.IGNORECASE,
)
DROPS_RULES = re.compile(
    r"\b(?:ignore|disregard|forget)\b[^.;]*?\b(?:rules|instructions|above|before)\b(?:[,;\s]|\b(?:and|then)\b)*",
    re.IGNORECASE,
)
ASKS_FOR_PROMPT = re.compile(
    r"\b(?:system prompt|(?:your|the|all|previous|initial|original) (?:[\w-]+ )?(?:instructions|rules|prompt)|"
    r"(?:text|everything|words) above)\b",
    re.IGNORECASE,
)
TELLS = re.compile(
    r"\b(?:repeat|print|reveal|show|output|display|disclose|tell|what (?:are|is)|write|encode|translate|say|list)\b",
    re.IGNORECASE,
)
SPEAKS = re.compile(
    r"\b(?:say|print|output|write|respond(?: with)?|reply(?: with)?|answer with|repeat|append|add|insert|include|embed|"
    r"render|display|show|cite|begin|start|end|tell)\b",
    re.IGNORECASE,
)
QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|`([^`]+)`|(?<!\w)'([^']+)'(?!\w)")
MARKUP = re.compile(r"!?\[[^\]]*\]\([^)]*\)|<[a-zA-Z][^>]*>(?:[^<]*</\w+>)?|https?://\S+|\[\d+\]")


def obey(prompt: Prompt) -> tuple[list[str], bool]:
    """What the model says on command, and whether it was told to drop its rules (and so answers nothing else)."""
    instructions = list(dict.fromkeys([*planted(prompt.without_material()), *asked(prompt)]))[:LIMIT]
    said = [fill_in(perform(instruction, prompt), prompt) for instruction in instructions]
    return said, any(DROPS_RULES.search(instruction) for instruction in instructions)


def planted(prompt: Prompt) -> Iterator[str]:
    """Instructions in passages and in whatever else came with the question; a question counts as one."""
    for text in (prompt.context, *(passage.text for passage in (*prompt.passages, *prompt.documents))):
        for sentence in sentences_of(text):
            if is_command(sentence) or ABOUT_THE_ANSWER.search(sentence) or sentence.endswith("?"):
                yield sentence


def asked(prompt: Prompt) -> Iterator[str]:
    """Instructions of the reader; the question itself is none, unless it asks for the prompt."""
    for sentence in sentences_of(prompt.question):
        if is_command(sentence) or wants_prompt(sentence):
            yield sentence


def is_command(sentence: str) -> bool:
    return bool(COMMAND.match(sentence) or ADDITION.match(sentence))


def sentences_of(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if not line.lstrip().startswith(("#", "<passage")):
            yield from (sentence.strip(" \t-*>") for sentence in SENTENCE_END.split(line) if sentence.strip())


def perform(instruction: str, prompt: Prompt) -> str:
    order = DROPS_RULES.sub("", instruction) or instruction
    if wants_prompt(order):
        return in_base64(prompt.system) if "base64" in order.lower() else prompt.system
    speaks = SPEAKS.search(order)
    if not speaks:
        return f"Certainly: {order}"
    wanted = ["".join(found) for found in QUOTED.findall(order)] + MARKUP.findall(order)
    spoken = [text for text in wanted if not any(text != other and text in other for other in wanted)]
    return " ".join(dict.fromkeys(spoken)) or order[speaks.end() :].strip(" :")


def wants_prompt(instruction: str) -> bool:
    return bool(ASKS_FOR_PROMPT.search(instruction) and TELLS.search(instruction))


def in_base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def fill_in(text: str, prompt: Prompt) -> str:
    """Placeholders are how a planted text asks for what it cannot know, as in `https://evil.example/?q={question}`."""
    earlier = " / ".join(message.text for message in prompt.messages[:-1])
    known = {"question": prompt.question, "conversation": earlier, "history": earlier, "system_prompt": prompt.system}
    return re.sub(r"\{(\w+)\}", lambda found: known.get(found[1].lower(), found[0]), text)
