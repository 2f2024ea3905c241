"""What a point's payload says, under Docent's keys or another program's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chains.collection import CONTENT, METADATA
from chains.settings import ChainSettings


@dataclass(frozen=True)
class PayloadKeys:
    """Where a payload has its text and its metadata, and what that calls a page's address and title.

    A payload without the metadata key is flat: everything beside the text is its metadata.
    """

    content: str = CONTENT
    metadata: str = METADATA
    url: str = "url"
    title: str = "title"

    @classmethod
    def of(cls, settings: ChainSettings) -> PayloadKeys:
        return cls(
            content=settings.qdrant_content_key,
            metadata=settings.qdrant_metadata_key,
            url=settings.qdrant_url_key,
            title=settings.qdrant_title_key,
        )

    def text(self, payload: Mapping[str, Any] | None) -> str:
        """The text that was embedded; "" if there is none."""
        return str((payload or {}).get(self.content) or "")

    def facts(self, payload: Mapping[str, Any] | None) -> dict[str, Any]:
        """The metadata, its address and title under `url` and `title`."""
        own = payload or {}
        nested = own.get(self.metadata)
        facts = dict(nested) if isinstance(nested, Mapping) else {k: v for k, v in own.items() if k != self.content}
        named = {"url": facts.get(self.url), "title": facts.get(self.title)}
        return facts | {name: value for name, value in named.items() if value is not None}


DOCENTS_KEYS = PayloadKeys()
