"""What pyproject.toml declares and what the requirement files pin agree."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent.parent
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^ ;\\]+)")


def pins_of(file: str) -> dict[str, set[str]]:
    pins: dict[str, set[str]] = {}
    for line in (ROOT / file).read_text().splitlines():
        if found := PIN.match(line):
            pins.setdefault(canonicalize_name(found["name"]), set()).add(found["version"])
    return pins


def declared(group: str | None = None) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = project["dependency-groups"][group] if group else project["project"]["dependencies"]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize(
    ("file", "group"), [("requirements.txt", None), ("requirements-dev.txt", None), ("requirements-dev.txt", "dev")]
)
def test_every_declared_dependency_is_pinned_within_its_range(file: str, group: str | None) -> None:
    pins = pins_of(file)
    for requirement in declared(group):
        versions = pins.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement.name} is not in {file}; run: make lock"
        assert all(version in requirement.specifier for version in versions), f"{requirement}: run: make lock"


def test_development_installs_the_same_versions_as_production() -> None:
    production, development = pins_of("requirements.txt"), pins_of("requirements-dev.txt")
    differing = {name for name, versions in production.items() if development.get(name) != versions}
    assert not differing, "run: make lock"


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt", "requirements-model.txt"])
def test_every_pin_has_a_hash(file: str) -> None:
    entries = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / file).read_text())
    bare = [entry for entry in entries if PIN.match(entry) and "--hash=sha256:" not in entry]
    assert not bare


def test_the_installer_is_the_one_that_the_lock_names() -> None:
    (version,) = pins_of("requirements-uv.txt")["uv"]
    assert pins_of("requirements-dev.txt")["uv"] == {version}


def test_no_index_is_named() -> None:
    for file in ROOT.glob("requirements*.txt"):
        assert "://" not in file.read_text(), f"{file.name} names a host"
