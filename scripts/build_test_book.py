"""Builds the book of the ingest tests with Docusaurus again and keeps what its readers see: `built.json`.

Run it after a change of the book: `.venv/bin/python scripts/build_test_book.py`. It needs Node 20 and npm.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/chains/ingest"))

from built_site import GOLDEN, as_json, build

with TemporaryDirectory() as folder:
    GOLDEN.write_text(as_json(build(Path(folder))), encoding="utf-8")
