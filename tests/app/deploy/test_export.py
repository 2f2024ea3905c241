"""What goes to a Space, and the guide's way there: `cp -r` and `git push`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from live_service import ROOT

from app.deploy.errors import DeployError
from app.deploy.files import blob_id, deployed_files, export, exposed
from app.doctor.dockerfile import check_dockerfile


def git(folder: Path, *arguments: str) -> str:
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *author, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def test_guides_copy_and_push_brings_exactly_the_uploaded_files(tmp_path: Path) -> None:
    """The commands of the guide as they stand, with a bare repository for the Hub's."""
    command = [sys.executable, "-m", "app", "deploy", "--export", str(tmp_path / "huggingface-spaces")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    git(tmp_path, "init", "--bare", "space.git")
    git(tmp_path, "clone", "--quiet", "space.git", "rag-chatbot")
    subprocess.run("cp -r huggingface-spaces/* rag-chatbot/", shell=True, cwd=tmp_path, check=True)
    clone = tmp_path / "rag-chatbot"
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "-m", "Deploy")
    git(clone, "push", "--quiet", "origin", "HEAD:main")
    lines = git(tmp_path / "space.git", "ls-tree", "-r", "main").splitlines()
    pushed = {line.split("\t")[1]: line.split()[2] for line in lines}
    assert pushed == {path: blob_id(content) for path, content in deployed_files().items()}
    assert check_dockerfile(clone / "Dockerfile")[0].verdict == "ok"


def test_files_are_texts_and_none_of_the_laptop() -> None:
    files = deployed_files()
    assert {path.partition("/")[0] for path in files} == {
        "CHANGELOG.md", "Dockerfile", "Dockerfile.dockerignore", "LICENSE", "README.md", "app", "chains", "docs",
        "pyproject.toml", "requirements-embedded.txt", "requirements-model.txt", "requirements.txt",
    }  # fmt: skip
    assert not [path for path in files if "__pycache__" in path or "/." in path or path.startswith(".")]
    assert all(content.decode().count("\0") == 0 for content in files.values())


def test_secret_in_a_file_is_found() -> None:
    files = {"app/keys.py": b"KEY = 'canary-0123456789'", "app/main.py": b""}
    assert exposed(files, ["canary-0123456789", "KEY"]) == ["app/keys.py"]


def test_export_refuses_a_folder_with_something_else(tmp_path: Path) -> None:
    files = {"app/main.py": b"1", "Dockerfile": b"2"}
    export(files, tmp_path / "out")
    export(files | {"Dockerfile": b"3"}, tmp_path / "out")
    assert (tmp_path / "out" / "Dockerfile").read_bytes() == b"3"
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(DeployError, match=r"holds mine\.txt"):
        export(files, tmp_path / "out")


def test_tree_without_its_dockerfile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="clone of Docent"):
        deployed_files(root=tmp_path)
