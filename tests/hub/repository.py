"""A Space's repository: commits on one branch, each with all its files."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

INITIAL = {".gitattributes": b"*.bin filter=lfs\n", "README.md": b"---\ntitle: Space\nsdk: docker\n---\n"}


def blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass(frozen=True)
class Commit:
    oid: str
    title: str
    files: dict[str, bytes] = field(repr=False)
    date: str


class Conflict(Exception):
    """Somebody else was faster."""


class Repository:
    def __init__(self) -> None:
        self.commits: list[Commit] = []
        self.commit("initial commit", INITIAL)

    @property
    def head(self) -> Commit:
        return self.commits[-1]

    def at(self, revision: str) -> Commit | None:
        """A revision by its id; `main` is the newest."""
        return self.head if revision == "main" else next((c for c in self.commits if c.oid == revision), None)

    def commit(self, title: str, files: dict[str, bytes]) -> Commit:
        parts = "".join(f"{path} {blob_id(content)}\n" for path, content in sorted(files.items()))
        oid = hashlib.sha1(f"{len(self.commits)} {title}\n{parts}".encode()).hexdigest()
        self.commits.append(Commit(oid, title, dict(files), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")))
        return self.head

    def receive(self, lines: list[dict[str, Any]]) -> Commit:
        """The lines of a commit as they come over the wire.

        Raises:
            Conflict: its parent is not the newest commit.
            KeyError: a file to delete is not there.
        """
        files, title = dict(self.head.files), ""
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                title = value["summary"]
                if value.get("parentCommit", self.head.oid) != self.head.oid:
                    raise Conflict
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "deletedFile":
                del files[value["path"]]
            else:
                raise NotImplementedError(line["key"])
        return self.commit(title, files)
