"""What one run over an index did, or would do."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

NAMED = 1_000  # pages of each kind that a report names; the counts are exact


@dataclass
class IndexReport:
    """Counted in pages. `chunks` are those of all pages read, `embedded` those that were sent to the model.

    `failed` could not be fetched and were left as they are. `collection` is where the points are. Of a run that only
    looks, `changes` names the pages of each kind, `rebuild` says why a rebuild would be made, and `doubt` why nothing
    would be deleted but with --delete-most; "" if neither.
    """

    added: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    failed: int = 0
    chunks: int = 0
    embedded: int = 0
    seconds: float = 0.0
    collection: str = ""
    dry_run: bool = False
    rebuild: str = ""
    doubt: str = ""
    changes: dict[str, list[str]] = field(default_factory=dict)

    def note(self, kind: str, page: str) -> None:
        """Count a page, and name it in a run that only looks."""
        setattr(self, kind, getattr(self, kind) + 1)
        if self.dry_run and kind != "unchanged":
            named = self.changes.setdefault(kind, [])
            if len(named) < NAMED:
                named.append(page)

    @property
    def found(self) -> int:
        """Pages that the source has."""
        return self.added + self.updated + self.unchanged

    def as_dict(self) -> dict[str, object]:
        """For machines; what only a run without changes has is left out of others."""
        whole = asdict(self)
        only_dry = () if self.dry_run else ("changes", "doubt", "dry_run", "rebuild")
        return {name: value for name, value in whole.items() if name not in only_dry}

    def __str__(self) -> str:
        kinds = ["added", "updated", "deleted", "unchanged", *(["failed"] if self.failed else [])]
        counts = ", ".join(f"{getattr(self, name)} {name}" for name in kinds)
        line = f"{counts} in {self.seconds:.1f} s ({self.chunks} chunks, {self.embedded} embedded)"
        if not self.dry_run:
            return line
        lines = [f"  {kind}: {page}" for kind, pages in self.changes.items() for page in pages]
        because = [f"Would rebuild: {self.rebuild}"] if self.rebuild else []
        doubt = [f"Refused without --delete-most: {self.doubt}"] if self.doubt else []
        return "\n".join([f"Nothing was changed. Would be: {line}", *because, *doubt, *lines])
