"""/v1/chat/completions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from tests.provider_simulator.call import Answer, Call, Failure, Frame, JsonAnswer, StreamAnswer
from tests.provider_simulator.catalogue import OPENAI_CHAT, ChatModel
from tests.provider_simulator.drafting import LENGTH, SAFETY, STOP, Draft, write
from tests.provider_simulator.faults import Fault, is_a
from tests.provider_simulator.keys import Key
from tests.provider_simulator.openai_compatible.errors import any_error, body, invalid
from tests.provider_simulator.prompt import Message, Prompt
from tests.provider_simulator.wire import as_json

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
SYSTEM_ROLES = ("system", "developer")
REASONS = {STOP: "stop", LENGTH: "length", SAFETY: "content_filter"}
DONE = Frame(b"data: [DONE]\n\n")


def answer_chat(call: Call, key: Key, fault: Fault | None) -> Answer:
    """Raises Refusal."""
    if is_a(fault, "blocked_prompt"):
        message = "Your request was rejected as a result of our safety system."
        return JsonAnswer(body(message, code="content_policy_violation"), 400)
    prompt = read_prompt(call.model, OPENAI_CHAT[call.model], call.body)
    reply = Reply(call.model, write(prompt, key, fault))
    if not call.operation.endswith("chat_stream"):
        return JsonAnswer(reply.whole())
    wants_usage = bool((call.body.get("stream_options") or {}).get("include_usage"))
    failed = any_error(call, Failure((fault and fault.status) or 500, fault.message if fault else None))
    return StreamAnswer(list(reply.frames(wants_usage)), event(failed.body))


def read_prompt(model: str, limits: ChatModel, request: dict[str, Any]) -> Prompt:
    given = request.get("messages")
    if not given:
        raise invalid("[] is too short - 'messages'", "messages")
    if request.get("stream_options") and not request.get("stream"):
        raise invalid("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
    if request.get("n", 1) != 1:
        raise invalid("Only n = 1 is supported", "n")
    if not 0 <= request.get("temperature", 1) <= 2:
        raise invalid("Invalid 'temperature': expected a value between 0 and 2.", "temperature")
    messages = [read_message(number, message) for number, message in enumerate(given)]
    prompt = Prompt(
        model=model,
        system="\n".join(message.text for message in messages if message.role in SYSTEM_ROLES),
        messages=[message for message in messages if message.role not in SYSTEM_ROLES],
        max_tokens=request.get("max_completion_tokens") or request.get("max_tokens"),
        schema=schema_of(request.get("response_format") or {}),
    )
    if not prompt.messages:
        raise invalid("at least one message that is not from the system is needed", "messages")
    if prompt.tokens > limits.reads:
        limit = f"This model's maximum context length is {limits.reads} tokens."
        raise invalid(f"{limit} However, your messages resulted in {prompt.tokens} tokens.", "messages")
    return prompt


def read_message(number: int, message: dict[str, Any]) -> Message:
    if message.get("role") not in ROLES:
        expected = ", ".join(f"'{role}'" for role in ROLES)
        raise invalid(
            f"Invalid value: '{message.get('role')}'. Supported values are: {expected}.", f"messages[{number}].role"
        )
    content = message.get("content") or ""
    text = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    return Message(message["role"], text)


def schema_of(wanted: dict[str, Any]) -> dict[str, Any] | None:
    if wanted.get("type") == "json_object":
        return {"type": "object"}
    return wanted["json_schema"]["schema"] if wanted.get("type") == "json_schema" else None


def event(data: dict[str, Any], *, text: bool = False, closing: bool = False) -> Frame:
    return Frame(b"data: " + as_json(data) + b"\n\n", text=text, closing=closing)


class Reply:
    def __init__(self, model: str, draft: Draft) -> None:
        self._draft = draft
        self._reason = REASONS.get(draft.ending, draft.ending)
        self._common = {"id": f"chatcmpl-{uuid4().hex[:24]}", "created": int(time.time()), "model": model}

    def whole(self) -> dict[str, Any]:
        message = {"role": "assistant", "content": self._draft.text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._reason}
        usage = {"usage": self._usage()} if self._draft.counted else {}
        return {**self._common, "object": "chat.completion", "choices": [choice], **usage}

    def frames(self, wants_usage: bool) -> Iterator[Frame]:
        """Usage comes in a last chunk without choices, if it was asked for."""
        yield event(self._chunk([self._choice({"role": "assistant", "content": ""})]))
        for piece in self._draft.pieces:
            yield event(self._chunk([self._choice({"content": piece})]), text=True)
        yield event(self._chunk([self._choice({}, self._reason)]), closing=True)
        if wants_usage and self._draft.counted:
            yield event({**self._chunk([]), "usage": self._usage()})
        yield DONE

    def _choice(self, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}

    def _chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {**self._common, "object": "chat.completion.chunk", "choices": choices}

    def _usage(self) -> dict[str, int]:
        read, written = self._draft.input_tokens, self._draft.output_tokens
        return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
