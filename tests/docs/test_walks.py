"""The commands of the README and the pages, typed as they stand in a folder like a clone; only names are put in."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from forked import Docent, forking_docent
from live_service import ROOT, WIDE, LiveService, clean_environment, free_port, serving
from pages import DOCS, CodeBlock
from walks import ELSEWHERE, INSTALLABLE, PRELUDE, PROGRAMS, WALKED, checkout, errands

from tests.chains.ingest.website_double import SiteDouble, website
from tests.qdrant_server import QdrantServer

BOOK = ("check", "contributing", "notebooks")  # small pages stand for a reader's own
ADDRESSES = ("/", "/guide")
QUESTIONS = {
    "When does a load fail?": "check",
    "How do I set up a checkout for development?": "contributing",
    "Which notebooks are there?": "notebooks",
}
OWN_SITE = "http://localhost:3000"  # which is allowed by default
HUB = "https://huggingface.co/spaces/"
REPOSITORY = "git init --quiet --bare --initial-branch main {bare} && git clone --quiet {bare} {work} && cd {work}"
FIRST = "git commit --quiet --allow-empty --message First && git push --quiet origin HEAD:main"


@pytest.fixture(scope="module")
def site() -> Iterator[SiteDouble]:
    with website() as site:
        for path in ADDRESSES:
            site.page(path, f"<main><h1>The loom</h1><p>The loom at {path} is cleaned with soap.</p></main>")
        site.sitemap(*ADDRESSES)
        yield site


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QdrantServer]:
    with QdrantServer(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("book")
    for name in BOOK:
        shutil.copy(DOCS / f"{name}.md", folder)
    return folder


@pytest.fixture(scope="module")
def docent() -> Iterator[Docent]:
    with forking_docent(clean_environment() | {"PYTHONPATH": str(ROOT)}) as docent:
        yield docent


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, book: Path, site: SiteDouble) -> Iterator[LiveService]:
    with serving(tmp_path_factory.mktemp("service"), book, SITE_URL=site.origin) as service:
        yield service


class Reader:
    """Follows one page. `names` are put in for those of the page; what was done once is not done again."""

    done: ClassVar[set[str]] = set()

    def __init__(self, folder: Path, book: Path, docent: Docent, names: dict[str, str]) -> None:
        self._docent = docent
        self.clone = checkout(folder, book)
        self.names = {".venv/bin/pip": "pip", ".venv/bin/jupyter": "jupyter", ".venv/bin/": PROGRAMS} | names
        own = {"DATA_DIR": str(self.clone / ".docent"), "HOST": "127.0.0.1", "PORT": str(free_port())}
        own |= {"HOME": str(folder), "PYTHONPATH": str(ROOT), "LOG_LEVEL": "WARNING"}
        for who in ("AUTHOR", "COMMITTER"):
            own |= {f"GIT_{who}_NAME": "Reader", f"GIT_{who}_EMAIL": "reader@example.com"}
        own |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{folder}/.insteadOf", "GIT_CONFIG_VALUE_0": HUB}
        self.environment = clean_environment() | WIDE | own

    def follow(self, block: CodeBlock) -> None:
        if block.code in self.done:
            return
        self.done.add(code := block.code)
        for name, put_in in self.names.items():
            code = code.replace(name, put_in)
        if (lines := errands(code)) is None:
            self.run(["bash", "-c", PRELUDE + code])
            return
        for given, (program, *arguments) in lines:
            if program == "docent":
                self.docent(*arguments, **given)
            else:
                self.run([sys.executable, str(INSTALLABLE), *arguments])

    def docent(self, *arguments: str, **given: str) -> None:
        self._docent.run(self.clone, self.environment | given, arguments)

    def run(self, command: list[str]) -> None:
        done = subprocess.run(
            command, cwd=self.clone, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=500,
        )  # fmt: skip
        assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"

    def write(self, name: str, *lines: str) -> None:
        (self.clone / name).write_text("\n".join(lines))


@pytest.fixture
def reader(tmp_path: Path, book: Path, docent: Docent, site: SiteDouble, service: LiveService) -> Reader:
    names = {"/path/to/your-site/docs": str(book), "https://docs.example.com": site.origin}
    return Reader(tmp_path, book, docent, names | {"https://your-service.example.com": service.url})


def prepare(page: str, reader: Reader, site: SiteDouble, cluster: QdrantServer, service: LiveService) -> None:
    """What a page takes for granted."""
    shell = ["bash", "-c"]
    if page == "docs/evaluation.md":
        rows = [{"question": question, "page": gold} for question, gold in QUESTIONS.items()]
        reader.write("questions.jsonl", *map(json.dumps, rows))
        reader.write("other.env", "RETRIEVE_TIMEOUT=7")
        reader.names["tests/docs/questions.jsonl"] = "questions.jsonl"
        reader.docent("ingest", "docs")
    elif page == "docs/index-your-site.md":
        reader.write("pages.txt", *(site.origin + path for path in ADDRESSES))
        reader.environment["ADMIN_TOKEN"] = "a-token-of-the-author"
    elif page == "docs/qdrant.md":
        reader.docent("ingest", "docs")
        reader.environment["QDRANT_URL"] = cluster.url
        reader.names["https://xyz.eu-central-1-0.aws.cloud.qdrant.io"] = cluster.url
    elif page == "docs/troubleshooting.md":
        reader.names |= {"https://user-space.hf.space": service.url, "https://your-app.vercel.app": OWN_SITE}
    elif page == "docs/deploy.md":
        folder = reader.clone.parent
        made = REPOSITORY.format(bare=folder / "YOUR_USERNAME/rag-chatbot", work=folder / "made")
        reader.run([*shell, f"{made} && {FIRST}"])
    elif page == "docs/operations/upgrading.md":
        made = REPOSITORY.format(bare=reader.clone.parent / "origin.git", work=reader.clone.parent / "made")
        reader.run([*shell, f"{made} && {FIRST} && mv .git {reader.clone}"])


@pytest.mark.slow
@pytest.mark.timeout(1_500)
@pytest.mark.parametrize("page", WALKED)
def test_commands_of_a_page_work_as_they_stand(
    page: str, reader: Reader, site: SiteDouble, cluster: QdrantServer, service: LiveService
) -> None:
    prepare(page, reader, site, cluster, service)
    for block in WALKED[page]:
        reader.follow(block)


@pytest.mark.parametrize(("said", "file", "word"), ELSEWHERE)
def test_block_that_is_run_elsewhere_is_named_there(said: str, file: str, word: str) -> None:
    assert word in (ROOT / file).read_text()
