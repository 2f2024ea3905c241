"""The simulator from a test's side."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-m", "tests.provider_simulator", "--port", "0", "--attached"]


@dataclass(frozen=True)
class ProviderKey:
    """One API key, good for every provider, with the faults, settings and log that belong to it alone."""

    key: str
    address: str
    control: httpx.Client

    @property
    def gemini_url(self) -> str:
        """`base_url` of ChatGoogleGenerativeAI, GoogleGenerativeAIEmbeddings and genai.Client."""
        return f"{self.address}/gemini"

    @property
    def cohere_url(self) -> str:
        """`base_url` of ChatCohere, CohereEmbeddings, CohereRerank and the clients of the SDK."""
        return f"{self.address}/cohere"

    @property
    def openai_url(self) -> str:
        """`base_url` of OpenAI clients, OPENAI_BASE_URL."""
        return f"{self.address}/openai/v1"

    def fail(self, kind: str, operation: str = "*", **details: Any) -> None:
        """Add a fault, for the next call that matches unless `times` says otherwise; see `faults.Fault`."""
        self._send("POST", "faults", {"kind": kind, "operation": operation, **details})

    def heal(self) -> None:
        """Take all faults back."""
        self._send("DELETE", "faults")

    def configure(self, **settings: Any) -> None:
        """See `keys.Settings`; what is not named stays."""
        self._send("PATCH", "settings", settings)

    def requests(self, operation: str = "*") -> list[dict[str, Any]]:
        """What came with this key, the oldest first; see `keys.Record`."""
        records: list[dict[str, Any]] = self._send("GET", f"requests?operation={operation}").json()
        return records

    def last_request(self, operation: str = "*") -> dict[str, Any]:
        return self.requests(operation)[-1]

    def stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = self._send("GET", "stats").json()
        return stats

    def _send(self, method: str, what: str, body: Any = None) -> httpx.Response:
        response = self.control.request(method, f"/__sim/keys/{self.key}/{what}", json=body)
        if response.is_error:
            raise ValueError(response.text)
        return response


@dataclass(frozen=True)
class RunningSimulator:
    address: str
    control: httpx.Client

    def new_key(self) -> ProviderKey:
        return ProviderKey(f"sim-{uuid4().hex}", self.address, self.control)


@contextmanager
def running_simulator() -> Iterator[RunningSimulator]:
    """In a process of its own, so that it takes no time from the event loop under test."""
    process = subprocess.Popen(COMMAND, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().strip() if process.stdout else ""
        if not address:
            raise RuntimeError(f"the simulator ended with {process.wait()} before it listened")
        with httpx.Client(base_url=address, trust_env=False, verify=False, timeout=10) as control:
            yield RunningSimulator(address, control)
    finally:
        process.terminate()
        process.communicate(timeout=10)
