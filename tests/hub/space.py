"""One Space: its repository, what it knows, and the container that is built from it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tests.hub.repository import Repository

BUILD = ["BUILDING", "BUILDING", "APP_STARTING", "RUNNING"]
RESTART = ["RUNNING_APP_STARTING", "RUNNING"]


@dataclass
class Space:
    """`build` are the stages after a commit; each look at the runtime shows the next one and the last one stays."""

    name: str
    private: bool
    host: str
    repository: Repository = field(default_factory=Repository)
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)
    build: list[str] = field(default_factory=lambda: list(BUILD))
    log: list[str] = field(default_factory=lambda: ["Step 1/9 : FROM python:3.11-slim", "Successfully built"])
    error_message: str | None = None
    stages: deque[str] = field(default_factory=lambda: deque(["NO_APP_FILE"]))
    running: str | None = None  # the commit that the container was built from

    @property
    def files(self) -> dict[str, bytes]:
        return self.repository.head.files

    def committed(self) -> None:
        """As the Hub does: without a Dockerfile there is nothing to build."""
        self.stages = deque(self.build if "Dockerfile" in self.files else ["NO_APP_FILE"])

    def restarted(self) -> None:
        if self.running is not None:
            self.stages = deque(RESTART)

    def runtime(self) -> dict[str, Any]:
        stage = self.stages[0] if len(self.stages) == 1 else self.stages.popleft()
        if stage in ("RUNNING", "RUNTIME_ERROR", "BUILD_ERROR"):
            self.running = self.repository.head.oid
        shown = {"stage": stage, "hardware": {"current": "cpu-basic", "requested": "cpu-basic"}, "gcTimeout": 172800}
        if self.running:
            shown["sha"] = self.running
        if self.error_message and stage.endswith("ERROR"):
            shown["errorMessage"] = self.error_message
        return shown

    def info(self) -> dict[str, Any]:
        head = self.repository.head
        return {
            "id": self.name,
            "author": self.name.partition("/")[0],
            "sha": head.oid,
            "lastModified": head.date,
            "private": self.private,
            "sdk": "docker",
            "host": self.host,
            "subdomain": self.name.replace("/", "-").lower(),
            "siblings": [{"rfilename": path} for path in sorted(head.files)],
        }
