"""From a commit to a running container: the Hub's stages, and the log of the build while it runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.deploy.errors import DeployError
from app.deploy.hub import Hub

if TYPE_CHECKING:
    from huggingface_hub import SpaceRuntime

FIRST_POLL, LAST_POLL = 0.2, 3.0  # seconds; the wait doubles
SETTLING = 8.0  # seconds in which a Space may still show what was before the change
BUILDING = ("BUILDING", "RUNNING_BUILDING")
BROKEN = ("BUILD_ERROR", "CONFIG_ERROR", "RUNTIME_ERROR", "NO_APP_FILE", "DELETING")
STOPPED = ("PAUSED", "STOPPED")
UP = ("RUNNING", "SLEEPING")  # the first request wakes one that sleeps
REMEDY = "See the log above; `docent doctor --dockerfile Dockerfile` knows the usual causes of a failed build."

Say = Callable[[str], None]


class Build:
    """Waits for one Space. `commit` is what has to run; None: what ran before, perhaps with other values."""

    def __init__(self, hub: Hub, space: str, say: Say) -> None:
        self._hub = hub
        self._space = space
        self._say = say
        self._following: str | None = None
        self._over = threading.Event()

    def wait(self, commit: str | None, *, changed: bool, within: float) -> None:
        """
        Raises:
            DeployError: the build or the start failed, or took longer than `within` seconds.
        """
        begun, pause, stage = time.monotonic(), FIRST_POLL, ""
        try:
            while time.monotonic() - begun < within:
                runtime = self._hub.runtime(self._space)
                if str(runtime.stage) != stage:
                    stage = _word(runtime)
                    self._enter(stage)
                if self._ended(runtime, commit, settled=not changed or time.monotonic() - begun > SETTLING):
                    return
                time.sleep(pause)
                pause = min(pause * 2, LAST_POLL)
        finally:
            self._over.set()
        raise DeployError(f"The Space is still {stage} after {within:.0f} s. {self._hub.page(self._space)} shows more.")

    def _enter(self, stage: str) -> None:
        self._say(f"Stage       {stage}")
        if stage in BUILDING and self._following is None:
            self._following = stage
            threading.Thread(target=self._follow, daemon=True).start()
        if stage in STOPPED:
            self._hub.restart(self._space)

    def _follow(self) -> None:
        for line in self._hub.log(self._space, build=True, follow=True):
            if self._over.is_set():
                return
            self._say(f"  {line.rstrip()}")

    def _ended(self, runtime: SpaceRuntime, commit: str | None, *, settled: bool) -> bool:
        stage, runs = _word(runtime), runtime.raw.get("sha")
        if runs and commit and runs != commit:
            return False  # what was there before
        current = settled or self._following is not None or bool(runs and commit)
        if stage in BROKEN and current:
            self._show_log(stage)
            said = runtime.raw.get("errorMessage")
            raise DeployError(f"The Space ended with {stage}{f': {said}' if said else ''}. {REMEDY}")
        return stage in UP and current

    def _show_log(self, stage: str) -> None:
        """Of a container that ended; a build's log was followed, unless it was over too soon."""
        if stage == "RUNTIME_ERROR" or self._following is None:
            for line in self._hub.log(self._space, build=stage != "RUNTIME_ERROR", follow=False):
                self._say(f"  {line.rstrip()}")


def _word(runtime: SpaceRuntime) -> str:
    return str(getattr(runtime.stage, "value", runtime.stage))
