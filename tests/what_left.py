"""Everything that left the services of this test process: bodies and headers, frames, and the logs of live ones."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The keys of the provider simulator and of the Qdrant server, and those that a test puts into the environment.
KEYS = re.compile(r"sim-[0-9a-f]{32}|canary-of-the-cluster|LEAK-CANARY-\w+")


@dataclass
class Left:
    said: list[str] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)

    def clear(self) -> None:
        self.said.clear()
        self.logs.clear()

    def keys(self, *more: str) -> set[str]:
        """The keys that stand in it, or in `more`."""
        logs = [path.read_text() for path in self.logs if path.exists()]
        return {key for text in (*self.said, *logs, *more) for key in KEYS.findall(text)}


left = Left()


def recorded(app: ASGIApp) -> ASGIApp:
    async def service(scope: Scope, receive: Receive, send: Send) -> None:
        async def note(message: Message) -> None:
            values = [*(value for pair in message.get("headers", []) for value in pair), message.get("body", b"")]
            left.said.append(b"\n".join(values).decode(errors="replace") + str(message.get("text", "")))
            await send(message)

        await app(scope, receive, note)

    return service
