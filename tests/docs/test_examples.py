"""The examples of the README and of the pages do what they say, against a running service."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from live_service import LiveService
from pages import PAGES, ROOT, CodeBlock, code_blocks, name_of

from chains.prompts import NO_EVIDENCE

ALL = [block for page in PAGES for block in code_blocks(page)]
BLOCKS = [block for block in ALL if block.mark == "runnable"]
SHELL = [block for block in BLOCKS if block.language == "bash"]
PYTHON_PAGES = sorted({block.page for block in BLOCKS if block.language == "python"})

# As in a notebook: one namespace, and `await` at the top level.
NOTEBOOK = """
import ast, asyncio, inspect, sys
code = compile(sys.stdin.read(), "page", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
result = eval(code, {"__name__": "__main__"})
if inspect.iscoroutine(result):
    asyncio.run(result)
"""


@pytest.mark.parametrize("block", SHELL, ids=str)
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_shell_example_succeeds(block: CodeBlock, live_service: LiveService) -> None:
    strict = 'set -euo pipefail\ncurl() { command curl --fail-with-body "$@"; }\n'
    output = _run(["bash", "-c", strict + _pointed(block.code, live_service)], live_service)
    assert output.strip()
    assert "event: error" not in output
    assert NO_EVIDENCE not in output


@pytest.mark.parametrize("page", PYTHON_PAGES, ids=name_of)
def test_python_examples_of_a_page_run_one_after_another(page: Path, live_service: LiveService) -> None:
    blocks = [block.code for block in BLOCKS if block.page == page and block.language == "python"]
    code = _pointed("\n".join(blocks), live_service)
    output = _run([sys.executable, "-c", NOTEBOOK], live_service, code)
    assert output.count("\n") >= len(blocks)


def test_the_readme_has_an_example_of_every_way_to_ask() -> None:
    code = "".join(block.code for block in BLOCKS if block.page.name == "README.md")
    assert all(way in code for way in ("docent ask", "curl -sN", "application/json", "RemoteRunnable"))


def _pointed(code: str, service: LiveService) -> str:
    """The example, at the service under test instead of the default address, with this environment's programs."""
    host = service.url.removeprefix("http://")
    return code.replace("localhost:7860", host).replace(".venv/bin/", f"{Path(sys.executable).parent}/")


def _run(command: list[str], service: LiveService, typed: str = "") -> str:
    done = subprocess.run(
        command, cwd=ROOT, env=service.environment, input=typed, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("block", [each for each in ALL if each.language == "python" and not each.mark], ids=str)
def test_python_that_needs_services_of_others_can_be_read_and_imports_what_is_there(block: CodeBlock) -> None:
    tree = compile(block.code, str(block), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    for each in imports:
        assert not {alias.name for alias in each.names} - set(dir(import_module(str(each.module))))
