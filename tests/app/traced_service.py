"""`docent serve` that writes into DATA_DIR/called, at its end, which parts of the stack's packages were called."""

from __future__ import annotations

import atexit
import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from app.commands.serve import run
from app.logs import configure_logs
from app.settings import Settings

# What a turn, or the index before it, is to reach in each package: by us, or by LangChain in our stead.
PARTS = {
    "fastapi": "routing:run_endpoint_function",
    "langchain": "chat_models:init_chat_model",
    "langchain_cohere": "chat_models:ChatCohere._get_ls_params",
    "langchain_google_genai": "chat_models:ChatGoogleGenerativeAI._prepare_request",
    "langchain_postgres": "chat_message_histories:PostgresChatMessageHistory.create_tables",
    "langchain_qdrant": "qdrant:QdrantVectorStore.add_texts",
    "langserve": "api_handler:APIHandler.invoke",
    "psycopg": "cursor_async:AsyncCursor.execute",
    "uvicorn": "server:Server._serve",
}
called: set[str] = set()


def note_calls(package: str, part: str) -> None:
    """The part does what it does, and its call is noted."""
    module, _, path = part.partition(":")
    *classes, name = path.split(".")
    holder: Any = import_module(f"{package}.{module}")
    for each in classes:
        holder = getattr(holder, each)
    static = isinstance(inspect.getattr_static(holder, name), staticmethod)
    noting = noted(package, getattr(holder, name))
    setattr(holder, name, staticmethod(noting) if static else noting)


def noted(package: str, part: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        called.add(package)
        return part(*arguments, **options)

    return call


if __name__ == "__main__":
    for package, part in PARTS.items():
        note_calls(package, part)
    settings = Settings.load(host="127.0.0.1", port=int(sys.argv[-1]))
    configure_logs(settings)
    atexit.register(lambda: (settings.data_dir / "called").write_text("\n".join(sorted(called))))
    run(settings)
