"""What makes it doubtful that pages are gone because they were not found, so that they are not deleted unasked."""

from __future__ import annotations

from urllib.parse import urlsplit

from chains.ingest.errors import IngestError


def few_found(found: int, indexed: int) -> str:
    """Why, where fewer than half as many pages were found as are indexed; "" otherwise."""
    if 2 * found >= indexed:
        return ""
    return f"Only {found} pages were found, and {indexed} are indexed: this looks like a reading that failed half-way."


def other_site(indexed: str, found: str) -> str:
    """Why, where the addresses of a page that is indexed and of one that was found lie on different hosts."""
    theirs, ours = urlsplit(indexed).netloc, urlsplit(found).netloc
    if not theirs or not ours or theirs == ours:
        return ""
    return (
        f"Most pages that are indexed are of {theirs} and were not found, and these are of {ours}: this looks like the "
        "folder of another site, and an index holds one. Set QDRANT_COLLECTION to another name for a second site, or "
        "index it by its sitemap."
    )


def refusal(doubt: str) -> IngestError:
    return IngestError(
        f"{doubt} Nothing was deleted; what is new was written. Look with --dry-run, and if the others are really "
        "gone, run it again with --delete-most."
    )
