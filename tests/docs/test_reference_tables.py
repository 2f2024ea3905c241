"""What the pages list is what the code has: settings, error codes, routes."""

import re
from collections.abc import Iterator

from pages import DOCS
from pydantic_core import PydanticUndefined

from app.main import create_app
from app.refusals import STATUS
from app.settings import Settings
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


def test_api_page_lists_routes_that_exist() -> None:
    table = (DOCS / "api.md").read_text().partition("\n## How do I ask with curl")[0]
    listed = set(re.findall(r"`(?:[A-Z]+ )?(/[^`]*)`", table.partition("| --- |")[2]))
    app = create_app(Settings.load())
    served = {re.sub(r"\{\w+\}", "{id}", path) for path in app.openapi()["paths"]}
    served |= {str(app.url_path_for(name)) for name in ("openapi", "swagger", "chat_socket")}  # not in it themselves
    assert listed
    assert listed <= served
