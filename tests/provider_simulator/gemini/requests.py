"""A generateContent request -> a prompt, or the refusal that Google would give."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.provider_simulator.catalogue import ChatModel
from tests.provider_simulator.gemini.errors import invalid
from tests.provider_simulator.prompt import Message, Prompt
from tests.provider_simulator.words import word_set

ROLES = ("user", "model", "function")
REQUEST = word_set(
    "contents systemInstruction safetySettings generationConfig tools toolConfig cachedContent serviceTier model"
)
CONFIG = word_set(
    "candidateCount temperature topP topK maxOutputTokens stopSequences responseMimeType responseSchema "
    "responseJsonSchema thinkingConfig seed presencePenalty frequencyPenalty responseLogprobs logprobs "
    "responseModalities mediaResolution speechConfig enableEnhancedCivicAnswers imageConfig"
)
PART = word_set("text inlineData fileData functionCall functionResponse")
CATEGORIES = frozenset(
    f"HARM_CATEGORY_{name}"
    for name in ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT", "CIVIC_INTEGRITY")
)


def read_prompt(model: str, limits: ChatModel, body: Mapping[str, Any]) -> Prompt:
    """Raises Refusal."""
    request = camel_keys(body)
    refuse_unknown(request, REQUEST, "")
    config = camel_keys(request.get("generationConfig") or {})
    check_config(config)
    check_safety(request.get("safetySettings") or [])
    prompt = Prompt(
        model=model,
        system=text_of(request.get("systemInstruction") or {}),
        messages=read_contents(request.get("contents")),
        max_tokens=config.get("maxOutputTokens"),
        schema=schema_of(config),
    )
    if prompt.tokens > limits.reads:
        raise invalid(
            f"The input token count ({prompt.tokens}) exceeds the maximum number of tokens allowed ({limits.reads})."
        )
    return prompt


def read_contents(contents: Any) -> list[Message]:
    if not contents:
        raise invalid("* GenerateContentRequest.contents: contents is not specified\n")
    messages = []
    for number, content in enumerate(contents):
        if content.get("role", "user") not in ROLES:
            raise invalid("Please use a valid role: user, model.")
        if not content.get("parts"):
            raise invalid(f"* GenerateContentRequest.contents[{number}].parts: contents.parts must not be empty.\n")
        if not all(part.keys() & PART for part in content["parts"]):
            raise invalid(
                f"* GenerateContentRequest.contents[{number}].parts[0].data: "
                "required oneof field 'data' must have one initialized field\n"
            )
        messages.append(Message(content.get("role", "user"), text_of(content)))
    return messages


def check_config(config: Mapping[str, Any]) -> None:
    refuse_unknown(config, CONFIG, " at 'generation_config'")
    if not 0 <= config.get("temperature", 1) <= 2:
        raise invalid(
            "* GenerateContentRequest.generation_config.temperature: temperature must be in the range [0.0, 2.0].\n"
        )
    if config.get("maxOutputTokens", 1) <= 0:
        raise invalid(
            "* GenerateContentRequest.generation_config.max_output_tokens: max_output_tokens must be positive.\n"
        )
    if config.get("candidateCount", 1) != 1:
        raise invalid("Multiple candidates is not enabled for this model")


def check_safety(settings: list[Mapping[str, Any]]) -> None:
    for number, setting in enumerate(settings):
        if setting.get("category") not in CATEGORIES:
            raise invalid(
                f"* GenerateContentRequest.safety_settings[{number}]: element predicate failed: "
                "$.category in (HarmCategory.HARM_CATEGORY_SEXUALLY_EXPLICIT, ...)\n"
            )


def refuse_unknown(given: Mapping[str, Any], known: frozenset[str], place: str) -> None:
    for name in given.keys() - known:
        raise invalid(f'Invalid JSON payload received. Unknown name "{name}"{place}: Cannot find field.')


def schema_of(config: Mapping[str, Any]) -> dict[str, Any] | None:
    if config.get("responseMimeType") != "application/json":
        return None
    return config.get("responseJsonSchema") or config.get("responseSchema") or {"type": "object"}


def thoughts_of(limits: ChatModel, body: Mapping[str, Any]) -> int:
    """Tokens of thinking, none where the request turns it off."""
    config = camel_keys(body).get("generationConfig") or {}
    thinking = camel_keys(camel_keys(config).get("thinkingConfig") or {})
    off = thinking.get("thinkingBudget") == 0 or str(thinking.get("thinkingLevel", "")).lower() == "minimal"
    return 0 if off else limits.thinks


def text_of(content: Mapping[str, Any]) -> str:
    return "".join(part.get("text", "") for part in content.get("parts", []))


def camel_keys(given: Mapping[str, Any]) -> dict[str, Any]:
    """Google takes system_instruction and systemInstruction alike, and its own client mixes them."""
    return {re.sub(r"_([a-z])", lambda found: found[1].upper(), name): value for name, value in given.items()}
