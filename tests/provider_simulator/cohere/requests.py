"""A chat request of Cohere's second version -> a prompt, or the refusal that Cohere would give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.provider_simulator.catalogue import ChatModel
from tests.provider_simulator.cohere.errors import invalid, refuse_unknown
from tests.provider_simulator.prompt import Message, Passage, Prompt
from tests.provider_simulator.words import word_set

ROLES = ("user", "assistant", "system", "tool")
FIELDS = word_set(
    "model messages documents stream temperature stop_sequences response_format tools strict_tools "
    "tool_choice max_tokens citation_options safety_mode seed k p frequency_penalty presence_penalty "
    "logprobs thinking raw_prompting priority"
)


def read_prompt(limits: ChatModel, body: dict[str, Any]) -> Prompt:
    """Raises Refusal."""
    refuse_unknown(body, FIELDS)
    messages = read_messages(body.get("messages"))
    check_numbers(body, limits)
    prompt = Prompt(
        model=body["model"],
        system="\n".join(message.text for message in messages if message.role == "system"),
        messages=[message for message in messages if message.role != "system"],
        documents=list(read_documents(body.get("documents") or [])),
        max_tokens=body.get("max_tokens"),
        schema=schema_of(body.get("response_format") or {}),
    )
    if prompt.tokens > limits.reads:
        raise invalid(
            f"too many tokens: total number of tokens in the input cannot exceed {limits.reads} - "
            f"received {prompt.tokens}. Try using a shorter input, or enable prompt truncation."
        )
    return prompt


def read_messages(given: Any) -> list[Message]:
    if not given:
        raise invalid("messages must not be empty")
    messages = [read_message(number, message) for number, message in enumerate(given)]
    if messages[-1].role not in ("user", "tool"):
        raise invalid("the last message must be from the user or a tool")
    return messages


def read_message(number: int, message: Mapping[str, Any]) -> Message:
    role = message.get("role")
    if role not in ROLES:
        raise invalid(f"invalid role '{role}' in message at index {number}")
    content = message.get("content") or ""
    text = content if isinstance(content, str) else "".join(block.get("text", "") for block in content)
    if not text and not message.get("tool_calls"):
        raise invalid(f"message at index {number} must be at least 1 token long or tool results must be specified")
    return Message(role, text)


def read_documents(given: list[Any]) -> Iterator[Passage]:
    """A document's text is all its fields but the id; without an id Cohere counts."""
    for number, document in enumerate(given):
        if isinstance(document, str):
            yield Passage(f"doc:{number}", document)
            continue
        data = document.get("data")
        if not data:
            raise invalid(f"document at index {number} must have data")
        text = data if isinstance(data, str) else "\n".join(str(value) for name, value in data.items() if name != "id")
        yield Passage(str(document.get("id") or f"doc:{number}"), text)


def check_numbers(body: Mapping[str, Any], limits: ChatModel) -> None:
    if not 0 <= body.get("temperature", 0.3) <= 1:
        raise invalid("temperature must be between 0 and 1.0 inclusive")
    if not 0.01 <= body.get("p", 0.75) <= 0.99:
        raise invalid("p must be between 0.01 and 0.99 inclusive")
    if body.get("max_tokens", 1) < 1:
        raise invalid("max_tokens must be greater than or equal to 1")
    if body.get("max_tokens", 1) > limits.writes:
        raise invalid(
            f"max_tokens must be less than or equal to {limits.writes}, the maximum output length of the model"
        )


def schema_of(wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    if wanted.get("type") != "json_object":
        return None
    return wanted.get("schema") or wanted.get("json_schema") or {"type": "object"}
