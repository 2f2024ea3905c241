"""`pytest --write-fault-table`: a run that passed writes into docs/faults.md which test holds which fault of the list.

A test says which ones by `@pytest.mark.fault(number, ...)`.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fault_list import FAULTS

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "faults.md"
BEGIN, END = "<!-- the table begins -->\n", "<!-- the table ends -->\n"
PROPERTY = "fault"

Tests = dict[int, set[str]]  # "path::function" by the fault's number


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-fault-table", action="store_true", help="write docs/faults.md, if every test passes")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--write-fault-table") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(TableWriter())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the test's properties, for reports travel between processes and markers do not."""
    for item in items:
        numbers = {number for mark in item.iter_markers("fault") for number in mark.args}
        item.user_properties += [(PROPERTY, number) for number in sorted(numbers)]


class TableWriter:
    def __init__(self) -> None:
        self._passed: Tests = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" or not report.passed:
            return
        for name, number in report.user_properties:
            if name == PROPERTY:
                assert isinstance(number, int)
                self._passed[number].add(report.nodeid.partition("[")[0])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for number, tests in marked_tests().items():
            for test in tests - self._passed[number]:
                terminalreporter.write_line(f"fault {number} is not held, {test} did not pass", red=True)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """What failed, or did not run, has no place in the table: then the page stays as it is, and the run fails."""
        if exitstatus != pytest.ExitCode.OK:
            return
        if self._passed == marked_tests():
            PAGE.write_text(with_table(PAGE.read_text(), table(self._passed)))
        else:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def marked_tests() -> Tests:
    """By reading the sources, which takes no import of what they test."""
    found: Tests = defaultdict(set)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for number in _numbers(function.decorator_list):
                    found[number].add(f"{path.relative_to(ROOT).as_posix()}::{function.name}")
    return found


def _numbers(decorators: list[ast.expr]) -> Iterator[int]:
    for node in (node for decorator in decorators for node in ast.walk(decorator)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fault":
            yield from (argument.value for argument in node.args if isinstance(argument, ast.Constant))


def table(tests: Tests) -> str:
    rows = [
        f"| {number} | {fault} | {outcome} | {'<br />'.join(f'`{_name(test)}`' for test in sorted(tests[number]))} |"
        for number, (fault, outcome) in FAULTS.items()
    ]
    return "\n".join(["| | Fault | What Docent does | Tests |", "| --- | --- | --- | --- |", *rows]) + "\n"


def with_table(page: str, rows: str) -> str:
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + "\n" + rows + "\n" + END + rest.partition(END)[2]


def _name(test: str) -> str:
    return test.removeprefix("tests/").replace("::", " ")
