"""Files with one record a line, as people and other programs write them."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO, cast

from chains.errors import EvaluationError


def find_file(path: Path) -> Path | None:
    """The file, or the same with `.gz`, as benchmarks are often published."""
    return next((each for each in (path, path.with_name(f"{path.name}.gz")) if each.is_file()), None)


def read_lines(path: Path) -> Iterator[tuple[str, str]]:
    """`file:number` and text of each line that is not blank. Only a line feed ends a line: U+2028 and U+0085 may stand
    in a text in JSON as they are. A byte order mark is left out.

    Raises:
        EvaluationError: the file cannot be read, or is not in UTF-8.
    """
    try:
        with _opened(path) as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield f"{path}:{number}", line.rstrip("\r\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path} cannot be read: {error}") from error


def read_objects(path: Path, what: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """
    Raises:
        EvaluationError: as above, or a line is not an object in JSON; `what` says what it should be.
    """
    for place, line in read_lines(path):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise EvaluationError(f"{place}: not {what} in JSON ({error})") from error
        if not isinstance(row, dict):
            raise EvaluationError(f"{place}: not {what} in JSON (it has no fields)")
        yield place, row


def _opened(path: Path) -> TextIO:
    opened = gzip.open if path.suffix == ".gz" else open
    return cast(TextIO, opened(path, "rt", encoding="utf-8-sig", newline="\n"))
