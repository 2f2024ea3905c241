"""The addresses that Docusaurus gives to pages and headings. Rules read in the source of Docusaurus 3.10.2."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import quote

_NO_PREFIX = re.compile(r"\d+[-_.]\d+", re.ASCII)  # dates and versions
_PREFIX = re.compile(r"\d+\s*[-_.]+\s*([^-_.\s].*)", re.ASCII)
_CUSTOM_ID = re.compile(r"\s*\{#((?:(?!\{#|\}).)*.)\}$")

# What encodeURI leaves alone, and "%": a slug may be written encoded.
_URL_CHARACTERS = ";,/?:@&=+$-_.!~*'()#%"


def strip_number_prefix(name: str) -> str:
    """`01-intro` -> `intro`; `2021-11-30-news` and `8.0-release` stay."""
    match = None if _NO_PREFIX.match(name) else _PREFIX.fullmatch(name)
    return match.group(1) if match else name


def page_slug(path: PurePosixPath, front_matter: Mapping[str, str], strip_prefixes: bool = True) -> str:
    """The address of a page below the docs' route, from its path in the docs folder; it begins with a slash.

    `slug` and `id` of the front matter count, and so does its `parse_number_prefixes`.
    """
    strip = strip_number_prefix if strip_prefixes and parses_prefixes(front_matter) else str
    slug = front_matter.get("slug")
    if slug and slug.startswith("/"):
        return slug
    folder = "".join(f"/{strip(part)}" for part in path.parent.parts) + "/"
    if not slug and is_index(path):
        return folder
    return _resolve(slug or front_matter.get("id") or strip(path.stem), folder)


def parses_prefixes(front_matter: Mapping[str, str]) -> bool:
    return front_matter.get("parse_number_prefixes", "true").lower() != "false"


def join_path(*parts: str) -> str:
    """One path of several, with single slashes; a slash at the end of the last part stays."""
    return re.sub(r"/{2,}", "/", "/" + "/".join(parts))


def apply_trailing_slash(path: str, trailing_slash: bool | None, base_url: str) -> str:
    """`trailingSlash` of the site's configuration: None keeps what the slug says."""
    if trailing_slash is None or path in ("/", base_url):
        return path
    return path.rstrip("/") + ("/" if trailing_slash else "")


def encode_path(path: str) -> str:
    return quote(path, safe=_URL_CHARACTERS)


def custom_id(heading: str) -> tuple[str, str | None]:
    """A heading's text without `{#id}`, and the id."""
    match = _CUSTOM_ID.search(heading)
    return (heading[: match.start()], match.group(1).strip()) if match else (heading, None)


@dataclass
class Slugger:
    """github-slugger: one per Markdown file, because repeats are numbered in it."""

    seen: dict[str, int] = field(default_factory=dict)
    keep_case: bool = False

    def slug(self, text: str) -> str:
        text = text if self.keep_case else text.lower()
        original = slug = "".join(map(_slug_character, text))
        while slug in self.seen:
            self.seen[original] += 1
            slug = f"{original}-{self.seen[original]}"
        self.seen[slug] = 0
        return slug


def _slug_character(character: str) -> str:
    if character.isascii():
        kept = character.isalnum() or character in "-_"
        return "-" if character == " " else character if kept else ""
    category = unicodedata.category(character)
    kept = category[0] in "LM" or category in ("Nd", "Nl", "Pc") or _is_circled_letter(character)
    return character if kept else ""


def _is_circled_letter(character: str) -> bool:
    """Symbols that Unicode counts as alphabetic (Other_Alphabetic)."""
    return (
        "\u24b6" <= character <= "\u24e9"
        or "\U0001f130" <= character <= "\U0001f149"
        or "\U0001f150" <= character <= "\U0001f169"
        or "\U0001f170" <= character <= "\U0001f189"
    )


def is_index(path: PurePosixPath) -> bool:
    """Whether a file is the page of its folder: index, README, or one named like the folder."""
    return path.stem.lower() in ("index", "readme", path.parent.name.lower() or "index")


def _resolve(to: str, folder: str) -> str:
    """`to` as a link on a page of `folder` would be resolved."""
    parts: list[str] = []
    steps = [*folder.split("/")[:-1], *to.split("/")]
    for step in steps:
        if step == "..":
            del parts[-1:]
        elif step != ".":
            parts.append(step)
    resolved = "/" + "/".join(parts).lstrip("/")
    return resolved + "/" if steps[-1] in ("", ".", "..") and not resolved.endswith("/") else resolved
