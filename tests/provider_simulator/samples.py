"""A JSON schema -> the least that satisfies it."""

from __future__ import annotations

from typing import Any


def sample(schema: dict[str, Any], definitions: dict[str, Any] | None = None) -> Any:
    known = definitions if definitions is not None else schema.get("$defs", {})
    if "$ref" in schema:
        return sample(known.get(schema["$ref"].rsplit("/", 1)[-1], {}), known)
    if "anyOf" in schema:
        return sample(schema["anyOf"][0], known)
    if "enum" in schema:
        return schema["enum"][0]
    match str(schema.get("type", "object")).lower():
        case "object":
            return {name: sample(value, known) for name, value in schema.get("properties", {}).items()}
        case "array":
            return [sample(schema.get("items", {"type": "string"}), known)]
        case kind:
            return {"string": "sample", "integer": 1, "number": 0.5, "boolean": True}.get(kind)
