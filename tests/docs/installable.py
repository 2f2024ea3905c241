"""In the place of pip: extras that are named exist, and packages are installed here or are programs of others."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

OTHERS = {"jupyterlab", "langchain_anthropic"}
PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]

for wanted in (word for word in sys.argv[2:] if not word.startswith("-")):
    if extra := re.fullmatch(r"\.\[(\w+)\]", wanted):
        assert extra[1] in PROJECT["optional-dependencies"], f"no extra {extra[1]}"
    else:
        module = wanted.replace("-", "_")
        assert module in OTHERS or find_spec(module), wanted
