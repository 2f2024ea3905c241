"""`docent serve` with a model that does what the question says: break (?!), break midway (...?!), or be slow
(slowly; as often as it says so).

Each call of the model adds a line to DATA_DIR/calls. Any other question goes to the product's own model.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

from langchain_core.runnables import RunnableGenerator, RunnableLambda

from app.commands.serve import run
from app.front import Front
from app.logs import configure_logs
from app.main import create_app
from app.resources import Chain, Resources
from app.settings import Settings
from chains.rag import build_rag_chain

SECRET = "db.internal:5432 said no to key-1234"
WORDS = "Run `loom deploy` in the folder of the program, and wait for two healthy minutes. [1] " * 4


class ScriptedResources(Resources):
    """The real engines; only the model is wrapped."""

    async def chain(self) -> Chain:
        await super().chain()
        find = RunnableLambda(self.search.find, name="Retrieve")
        return build_rag_chain(find, RunnableGenerator(self._answer, name="scripted"))

    async def _answer(self, prompts: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for messages in prompts:
            question = messages[-1].additional_kwargs["question"]
            with (self.settings.data_dir / "calls").open("a") as calls:
                calls.write("called\n")
            async for piece in self._act(question, messages):
                yield piece

    async def _act(self, question: str, messages: Any) -> AsyncIterator[Any]:
        if "..." in question:
            yield "Run `loom deploy` in the folder of the program. [1] And then, "
        if "?!" in question:
            raise RuntimeError(f"{SECRET}: {question}")
        if "slowly" not in question:
            assert self.search.model is not None
            async for piece in self.search.model.astream(messages):
                yield piece
            return
        for word in WORDS.split(" "):
            yield word + " "
            await asyncio.sleep(0.025 * question.count("slowly"))


def plain() -> Front:
    """For `uvicorn --factory`, as `uvicorn app.main:app` has it: without the drain of `docent serve`."""
    settings = Settings.load()
    configure_logs(settings)
    return Front(settings, lambda: create_app(settings, ScriptedResources(settings)))


if __name__ == "__main__":
    settings = Settings.load(host="127.0.0.1", port=int(sys.argv[-1]))
    configure_logs(settings)
    run(settings, ScriptedResources(settings))
