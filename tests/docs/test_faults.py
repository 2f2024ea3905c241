"""The page of faults lists every fault, and the tests that are marked with it."""

from __future__ import annotations

from tests.fault_list import FAULTS
from tests.fault_table import PAGE, marked_tests, table, with_table


def test_every_fault_of_the_list_has_a_test_in_its_folder() -> None:
    tests = marked_tests()
    assert set(tests) == set(FAULTS)
    elsewhere = [number for number in tests if not any(test.startswith("tests/faults/") for test in tests[number])]
    assert not elsewhere


def test_table_is_the_marked_tests_own() -> None:
    page = PAGE.read_text()
    assert page == with_table(page, table(marked_tests())), "run: make faults"
