"""`docent serve` that writes into DATA_DIR/called, at its end, which functions of the stack's packages were called.

What an import calls does not count: class bodies and modules are no functions.
"""

from __future__ import annotations

import atexit
import inspect
import re
import sys
import threading
from types import FrameType
from typing import Any

from app.commands.serve import run
from app.logs import configure_logs
from app.settings import Settings

PACKAGES = (
    "langchain",
    "langchain_cohere",
    "langchain_qdrant",
    "langchain_google_genai",
    "langserve",
    "fastapi",
    "uvicorn",
    "langchain_postgres",
    "psycopg",
)
IN_PACKAGE = re.compile(rf"site-packages/({'|'.join(PACKAGES)})/")
called: set[str] = set()


def note(frame: FrameType, event: str, _: Any) -> None:
    code = frame.f_code
    if event == "call" and code.co_flags & inspect.CO_OPTIMIZED and (found := IN_PACKAGE.search(code.co_filename)):
        called.add(f"{found[1]} {code.co_qualname}")


if __name__ == "__main__":
    settings = Settings.load(host="127.0.0.1", port=int(sys.argv[-1]))
    configure_logs(settings)
    atexit.register(lambda: (settings.data_dir / "called").write_text("\n".join(sorted(called))))
    threading.setprofile(note)
    sys.setprofile(note)
    run(settings)
