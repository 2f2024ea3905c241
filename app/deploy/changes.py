"""What a deployment would change, and the change itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.deploy.files import blob_id
from app.deploy.hub import KEPT, Hub, SpaceState
from app.deploy.values import Values, changed, mark

SHOWN = 12  # paths; more are counted by folder


@dataclass(frozen=True)
class Changes:
    """Between a Space and what it is to be. `shadowed`: variables that have to go because a secret bears their name."""

    create: bool = False
    private: bool | None = None  # None: it stays as it is
    new: dict[str, bytes] = field(default_factory=dict, repr=False)
    gone: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    shadowed: list[str] = field(default_factory=list)

    @property
    def of_values(self) -> bool:
        return bool(self.secrets or self.variables or self.shadowed)

    @property
    def any(self) -> bool:
        return self.create or self.private is not None or bool(self.new or self.gone) or self.of_values

    def lines(self) -> Iterator[str]:
        """For a person; names alone, for values are nobody's business."""
        if self.create:
            yield f"Space       to be created, Docker, {'private' if self.private else 'public'}"
        elif self.private is not None:
            yield f"Space       to be made {'private' if self.private else 'public'}"
        if self.new:
            yield f"Files       to upload: {_counted(list(self.new))}"
        if self.gone:
            yield f"Files       to remove: {_counted(self.gone)}"
        if self.secrets:
            yield f"Secrets     to set: {', '.join(self.secrets)}"
        if self.variables:
            yield f"Variables   to set: {', '.join(self.variables)}"
        if self.shadowed:
            yield f"Variables   to remove, for they are secrets: {', '.join(self.shadowed)}"


def _counted(paths: list[str]) -> str:
    if len(paths) <= SHOWN:
        return ", ".join(paths)
    folders = Counter(path.partition("/")[0] + ("/" if "/" in path else "") for path in paths)
    named = ", ".join(f"{name} ({count})" if name.endswith("/") else name for name, count in folders.items())
    return f"{len(paths)}: {named}"


def compare(state: SpaceState | None, files: dict[str, bytes], values: Values, private: bool | None) -> Changes:
    """What has to be done so that the Space holds these files and knows these values."""
    there = state or SpaceState("", False, "")
    known_secrets = [name for name in values.secrets if name in there.variables]
    return Changes(
        create=state is None,
        private=private if state is None or private != there.private else None,
        new={path: content for path, content in files.items() if there.files.get(path) != blob_id(content)},
        gone=[path for path in there.files if path not in files and path not in KEPT] if state else [],
        secrets=changed(values.secrets, there.secrets, secret=True),
        variables=changed(values.variables, there.variables, secret=False),
        shadowed=known_secrets,
    )


def apply(hub: Hub, space: str, changes: Changes, values: Values, message: str) -> str | None:
    """Of a Space that is there, values before files: the first build has them. The commit's id, if one was due."""
    if changes.private is not None:
        hub.show_to(space, private=changes.private)
    for name in changes.shadowed:
        hub.remove_variable(space, name)
    for name in changes.secrets:
        hub.set_secret(space, name, values.secrets[name], mark(values.secrets[name]))
    for name in changes.variables:
        hub.set_variable(space, name, values.variables[name])
    if not (changes.new or changes.gone):
        return None
    state = hub.look(space)
    return hub.upload(space, changes.new, changes.gone, message, state.head if state else "")
