"""Exactly the files that a Space is built from: what `.dockerignore` names, and the Dockerfile."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import app
from app.deploy.errors import DeployError

ROOT = Path(app.__file__).parent.parent
RULES = ".dockerignore"
# The rules under a name without a dot: `cp -r huggingface-spaces/*` leaves out what begins with one.
EXPORTED_RULES = "Dockerfile.dockerignore"
ALONE = ("Dockerfile", "LICENSE")
NEEDED = ("Dockerfile", "README.md", "requirements.txt", "app/main.py", "chains/__init__.py")
DOCS = "docs"
UNWANTED = {"__pycache__", "node_modules"}


def deployed_files(docs: Path | None = None, root: Path = ROOT) -> dict[str, bytes]:
    """Path in the Space and content, in order. Text only: the Hub's git refuses other files without git-lfs.

    `docs` takes the place of this tree's own pages.

    Raises:
        DeployError: this is no whole tree, or `docs` holds no page.
    """
    if missing := [name for name in NEEDED if not (root / name).is_file()]:
        says = f"{root} has no {', '.join(missing)}: run `docent deploy` from a clone of Docent's repository."
        raise DeployError(says)
    rules = (root / RULES).read_bytes()
    found = {EXPORTED_RULES: rules}
    for name in (*ALONE, *_named(rules)):
        own = docs if docs is not None and name == DOCS else root / name
        found |= {f"{name}{rest}": content for rest, content in _texts(own, name)}
    if not any(path.startswith(f"{DOCS}/") for path in found):
        raise DeployError(f"{docs or root / DOCS} holds no page; name the folder of your pages with --docs.")
    return dict(sorted(found.items()))


def _named(rules: bytes) -> Iterator[str]:
    yield from (line[1:].strip() for line in rules.decode().splitlines() if line.startswith("!"))


def _texts(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
    """What is below `path`, as the rest of its path, and the content; the file itself if it is one."""
    for file in [path] if path.is_file() else sorted(path.rglob("*")):
        rest = file.relative_to(path)
        hidden = any(part.startswith(".") or part in UNWANTED for part in rest.parts)
        if not file.is_file() or hidden or file.suffix == ".pyc":
            continue
        content = file.read_bytes()
        if is_text(content):
            yield (f"/{rest.as_posix()}" if rest.parts else ""), content
        elif name != DOCS:
            raise DeployError(f"{file} is not a text, and a Space takes texts alone: remove it.")


def is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


def blob_id(content: bytes) -> str:
    """What git, and the Hub, call this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def exposed(files: dict[str, bytes], secrets: Iterable[str]) -> list[str]:
    """The files that hold the value of a secret; values of less than 8 characters are too common to tell."""
    values = [secret.encode() for secret in secrets if len(secret) >= 8]
    return [path for path, content in files.items() if any(value in content for value in values)]


def export(files: dict[str, bytes], folder: Path) -> None:
    """Write them, so that the folder holds them and nothing else.

    Raises:
        DeployError: it holds something else already, or cannot be written.
    """
    try:
        there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
        if foreign := sorted(there - files.keys()):
            more = f" and {len(foreign) - 1} more" if foreign[1:] else ""
            raise DeployError(f"{folder} holds {foreign[0]}{more}: remove the folder, or name another one.")
        for path, content in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    except OSError as error:
        raise DeployError(f"{folder} cannot be written: {error.strerror}.") from None
