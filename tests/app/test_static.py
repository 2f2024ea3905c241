"""The page's own files: what was vendored is what the manifest pins, and nothing comes from elsewhere."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

STATIC = Path(__file__).parent.parent.parent / "app" / "static"
VENDOR = STATIC / "vendor"
PACKAGES = json.loads((VENDOR / "manifest.json").read_text())
OWN = sorted(path for path in STATIC.iterdir() if path.is_file())


def named(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package["name"])
def test_vendored_files_are_the_pinned_ones(package: dict[str, Any]) -> None:
    folder = VENDOR / package["name"]
    pinned = {Path(name).name: digest for name, digest in package["files"].items()}
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()} == pinned
    assert any("LICENSE" in name for name in pinned), "a vendored library keeps its licence"


def test_vendored_folders_are_all_in_the_manifest() -> None:
    assert {path.name for path in VENDOR.iterdir() if path.is_dir()} == {package["name"] for package in PACKAGES}


@pytest.mark.parametrize("path", [path for path in VENDOR.rglob("*") if path.is_file()], ids=named)
def test_vendored_files_are_text(path: Path) -> None:
    path.read_text(encoding="utf-8")  # a Space takes text files only, unless they are uploaded apart


@pytest.mark.parametrize("path", OWN, ids=named)
def test_own_file_is_short_and_loads_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 250
    assert not re.search(r"""(src|href|url\(|from|import\(?)\s*=?\s*["']?(https?:)?//""", text)


@pytest.mark.parametrize("path", [path for path in OWN if path.suffix == ".html"], ids=named)
def test_pages_have_no_inline_script_or_style(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=", text)


@pytest.mark.parametrize("path", [path for path in OWN if path.suffix in (".html", ".js")], ids=named)
def test_referenced_files_exist(path: Path) -> None:
    named_in_html = re.findall(r'(?:src|href)="static/([^"]+)"', path.read_text())
    named_in_script = re.findall(r'(?:from|import) "\./([^"]+)"', path.read_text())
    missing = [name for name in named_in_html + named_in_script if not (STATIC / name).is_file()]
    assert not missing
