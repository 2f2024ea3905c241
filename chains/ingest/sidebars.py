"""What a site's sidebars show in pages: generated indexes of categories, and lists of cards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chains.ingest.categories import Categories
from chains.ingest.config import SiteConfig
from chains.ingest.sidebar_trees import Entry, Item, Trees
from chains.ingest.slugs import Slugger


@dataclass(frozen=True)
class Card:
    """How an item is shown on an index."""

    label: str
    description: str


@dataclass(frozen=True)
class Index:
    """A page that Docusaurus generates for a category; `slug` is below the route of the docs."""

    slug: str
    title: str
    description: str
    breadcrumb: tuple[str, ...]
    cards: tuple[Card, ...]


class Sidebars:
    """The sidebars of one edition, from the site's sidebar file or, for want of one, from the folders."""

    def __init__(self, config: SiteConfig, entries: Sequence[Entry], categories: Categories) -> None:
        self._config = config
        self._entries = {entry.id: entry for entry in entries}
        self._categories = categories
        self._trees = Trees(config, self._entries, categories).all()
        self._slugs = self._slugs_of_indexes()

    def indexes(self) -> Iterator[Index]:
        """Of an edition that has translated pages alone, those whose texts are translated."""
        only = self._config.translated_only
        for tree in self._trees:
            for item, above in _walk(tree, ()):
                if item.generates and (not only or self._categories.translates(item.key or item.label)):
                    yield self._index(item, above)

    def cards(self, id: str) -> list[Card]:
        """The cards beside the page in its category, or in its category's stead where the page is its index."""
        for tree in self._trees:
            found = _siblings(tree, id)
            if found is not None:
                return self._cards(found)
        return []

    def _slugs_of_indexes(self) -> dict[int, str]:
        """By the item: what it says, else its label, numbered over all sidebars."""
        slugger = Slugger()
        indexed = [item for tree in self._trees for item, _ in _walk(tree, ()) if item.generates]
        return {id(item): str(item.link.get("slug") or f"/category/{slugger.slug(item.label)}") for item in indexed}

    def _index(self, item: Item, above: tuple[Item, ...]) -> Index:
        translated = self._categories.translated
        title, description = (str(item.link.get(name) or "") for name in ("title", "description"))
        root = ".link.generated-index."
        return Index(
            slug=self._slugs[id(item)],
            title=translated(title, item.key or item.label, f"{root}title") if title else self._label(item),
            description=translated(description, item.key or item.label, f"{root}description") if description else "",
            breadcrumb=tuple(self._label(category) for category in above),
            cards=tuple(self._cards(item.items)),
        )

    def _label(self, item: Item) -> str:
        return self._categories.translated(item.label, item.key or item.label) if item.category else item.label

    def _cards(self, items: Sequence[Item]) -> list[Card]:
        return [Card(self._label(item), self._description(item)) for item in items]

    def _description(self, item: Item) -> str:
        entry = self._entries.get(item.id)
        if item.description or not item.category:
            return item.description or (entry.description if entry else "")
        count = len(item.items)
        return f"{count} item{'s' if count != 1 else ''}" if self._config.language.startswith("en") else ""


def _walk(items: Sequence[Item], above: tuple[Item, ...]) -> Iterator[tuple[Item, tuple[Item, ...]]]:
    """Every item with the categories above it, a category before what is in it."""
    for item in items:
        yield item, above
        yield from _walk(item.items, (*above, item))


def _siblings(items: Sequence[Item], id: str) -> Sequence[Item] | None:
    for item in items:
        if item.category and item.link.get("id") == id:
            return item.items
        if item.id == id:
            return items
        found = _siblings(item.items, id)
        if found is not None:
            return found
    return None
