"""Models that were shut down, and what is asked in their stead.

Sources: ai.google.dev/gemini-api/docs/deprecations, Firebase AI Logic's notice of 1 June 2026,
docs.cohere.com/docs/deprecations and its changelog of 4 April 2026, as read in November 2026.
"""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)

CHAT = {
    "gemini-pro": "gemini-3.8-flash",
    "gemini-1.0-pro": "gemini-3.8-flash",
    "gemini-1.5-flash": "gemini-3.5-flash",
    "gemini-1.5-flash-8b": "gemini-3.5-flash-lite",
    "gemini-1.5-pro": "gemini-3.8-flash",
    "gemini-2.0-flash": "gemini-3.5-flash",
    "gemini-2.0-flash-001": "gemini-3.5-flash",
    "gemini-2.0-flash-exp": "gemini-3.5-flash",
    "gemini-2.0-flash-lite": "gemini-3.5-flash-lite",
    "command": "command-a-03-2025",
    "command-light": "command-r7b-12-2024",
    "command-r": "command-r-08-2024",
    "command-r-03-2024": "command-r-08-2024",
    "command-r-plus": "command-r-plus-08-2024",
    "command-r-plus-04-2024": "command-r-plus-08-2024",
}

# Their vectors cannot be compared with their successors': a collection that was made with one is a mismatch.
EMBEDDING = {
    "embedding-001": "gemini-embedding-2",
    "text-embedding-004": "gemini-embedding-2",
    "embed-english-v2.0": "embed-v4.0",
    "embed-english-light-v2.0": "embed-v4.0",
    "embed-multilingual-v2.0": "embed-v4.0",
}


ANSWERS = "it answers instead"
EMBEDS = "new collections are made with it; older ones have to be indexed anew"


def served_chat_model(variable: str, model: str) -> str:
    """`model`, or its successor with a warning that names the variable."""
    return _served(variable, model, CHAT)


def served_embedding_model(variable: str, model: str) -> str:
    """As `served_chat_model`; a collection that was made with `model` has to be made anew."""
    return _served(variable, model, EMBEDDING)


def served_name(model: str, successors: dict[str, str]) -> str:
    name = model.removeprefix("models/")
    return successors.get(name, name)


def retirement(variable: str, model: str) -> str:
    """The sentence about a model that was shut down; "" for one that is served."""
    name = model.removeprefix("models/")
    for successors, consequence in ((CHAT, ANSWERS), (EMBEDDING, EMBEDS)):
        if name in successors:
            return f"{variable}: {name} was shut down, its successor is {successors[name]}: {consequence}"
    return ""


def _served(variable: str, model: str, successors: dict[str, str]) -> str:
    if model.removeprefix("models/") in successors:
        log.warning(retirement(variable, model))
    return served_name(model, successors)
