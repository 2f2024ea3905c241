"""What the pages list is what the code has: settings, error codes, routes."""

import re
from collections.abc import Iterator

from pages import DOCS, PAGES, code_blocks
from pydantic_core import PydanticUndefined

from app.main import create_app
from app.refusals import STATUS
from app.settings import Settings
from app.stand_ins import engine_notes
from chains.collection_check import View
from chains.errors import DocentError

_ROW = re.compile(r"^\| `([^`]+)`[^|]* \| ([^|]+) \|(.*)\|$", re.MULTILINE)


def rows(page: str) -> Iterator[tuple[str, str]]:
    for name, second, _ in _ROW.findall((DOCS / page).read_text()):
        yield name, second.strip()


def test_configuration_page_lists_every_setting_with_its_default() -> None:
    listed = dict(rows("configuration.md"))
    assert listed == {name.upper(): _shown(field.default) for name, field in Settings.model_fields.items()}


def _shown(default: object) -> str:
    if default is None or default is PydanticUndefined:
        return "none"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_api_page_lists_every_error_that_can_happen_with_its_status() -> None:
    listed = {code: int(status) for code, status in rows("api.md") if code in STATUS}
    raised = {DocentError.code, *(error.code for error in DocentError.__subclasses__())}
    assert listed == {code: STATUS[code] for code in raised}


def test_api_page_lists_every_route_and_no_other() -> None:
    """LangServe's schemas are listed for one of its three, its playgrounds by their first address."""
    table = (DOCS / "api.md").read_text().partition("\n## How do I ask with curl")[0]
    listed = set(re.findall(r"`(?:[A-Z]+ )?(/[^`]*)`", table.partition("| --- |")[2]))
    app = create_app(Settings.load())
    served = {re.sub(r"\{\w+\}", "{id}", path) for path in app.openapi()["paths"]}
    served |= {str(app.url_path_for(name)) for name in ("openapi", "swagger", "chat_socket")}  # not in it themselves
    assert listed <= served
    alike = {path for path in served if re.search(r"_schema$|/playground/.+|^/(rag|chat|retriever)/playground$", path)}
    assert served - alike - listed == set()


def test_operations_page_lists_every_note_of_health() -> None:
    page = (DOCS / "operations.md").read_text().partition("\n## What do the notes in health mean?")[2]
    listed = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    every = View(0, hybrid=False, unfinished="first", superseded=True).notes
    every += engine_notes(Settings(environment="production")) + engine_notes(Settings(space_id="user/book"))
    code = "".join(path.read_text() for folder in ("app", "chains") for path in (DOCS.parent / folder).rglob("*.py"))
    every += re.findall(r'notes(?:": \[|\.append\()"(\w+)"', code)
    assert listed == {*every, "extractive", "english_only"}


def test_env_files_of_the_pages_name_settings() -> None:
    blocks = [block for page in PAGES for block in code_blocks(page) if block.language == "ini"]
    named = {line.partition("=")[0] for block in blocks for line in block.code.splitlines()}
    assert "HF_TOKEN" in named
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_pages_of_the_sidebar_have_places_of_their_own() -> None:
    entries = [*DOCS.glob("*.md"), *DOCS.glob("*/_category_.json")]
    texts = [text for entry in entries if "\nunlisted: true\n" not in (text := entry.read_text())]
    places = [int(re.findall(r'(?:^sidebar_position|"position"): (\d+)', text, re.MULTILINE)[0]) for text in texts]
    assert sorted(places) == list(range(1, len(places) + 1))
