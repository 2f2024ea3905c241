"""Back to the revision before the one that runs: its files again, in a new commit, for history is never rewritten."""

from __future__ import annotations

import re

from app.deploy.errors import DeployError
from app.deploy.hub import KEPT, Hub

ROLLED_BACK = re.compile(r"Roll back to ([0-9a-f]{40})")


def previous(commits: list[tuple[str, str]]) -> str | None:
    """The revision before the one in effect; `commits` are id and title, the newest first.

    After a rollback the revision in effect is the one that was gone back to: twice goes back by two.
    """
    ids = [commit for commit, _ in commits]
    titles = dict(commits)
    if not ids:
        return None
    before = ids[ids.index(_meant(ids[0], titles)) + 1 :]
    return _meant(before[0], titles) if before else None


def _meant(commit: str, titles: dict[str, str]) -> str:
    """The revision whose files a commit brought back; itself, if it brought new ones."""
    while (found := ROLLED_BACK.match(titles[commit])) and found[1] in titles:
        commit = found[1]
    return commit


def roll_back(hub: Hub, space: str, *, dry_run: bool) -> tuple[str, str | None]:
    """The revision that was gone back to, and the new commit; none with `dry_run`. Secrets and variables stay.

    Raises:
        DeployError: there is no earlier deployment.
    """
    state = hub.look(space)
    if state is None:
        raise DeployError(f"There is no Space {space}, or the token may not see it.")
    target = previous(hub.commits(space))
    then = hub.files_at(space, target) if target else {}
    if target is None or "Dockerfile" not in then:
        raise DeployError(f"{space} has no earlier deployment to go back to.")
    changed = [path for path, blob in then.items() if state.files.get(path) != blob and path not in KEPT]
    gone = [path for path in state.files if path not in then and path not in KEPT]
    if dry_run or not (changed or gone):
        return target, None
    return target, hub.restore(space, changed, gone, target, state.head)
