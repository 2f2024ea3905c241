"""What can be made to go wrong between a client and the server."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field

SUSPENDED = "404 page not found\n"  # what the router before a suspended cluster says, on every path
LOGIN_PAGE = "<!doctype html><title>Log in</title><p>Please log in.</p>"


class Fault(BaseModel):
    """For the requests whose "METHOD /path" contains `match`, the next `times` of them (None: all).

    `delay` seconds come first. `hang` then sends no byte until the client leaves; `status` is an answer in place of the
    server's own. A fault that has neither is only slow.
    """

    model_config = ConfigDict(extra="forbid")

    status: int | None = None
    body: str = ""
    headers: dict[str, str] = Field(default_factory=dict)
    delay: float = Field(default=0, ge=0)
    hang: bool = False
    match: str = ""
    times: int | None = Field(default=None, gt=0)

    @classmethod
    def suspended(cls) -> Self:
        """404 on every path."""
        return cls(status=404, body=SUSPENDED, headers={"content-type": "text/plain; charset=utf-8"})

    @classmethod
    def html(cls) -> Self:
        """A proxy's page, with status 200."""
        return cls(status=200, body=LOGIN_PAGE, headers={"content-type": "text/html"})


class Faults:
    """The newest one that matches wins."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def clear(self) -> None:
        self._faults.clear()

    def take(self, request: str) -> Fault | None:
        """The fault of this request, counted."""
        fault = next((fault for fault in reversed(self._faults) if fault.match in request), None)
        if fault is not None and fault.times is not None:
            fault.times -= 1
            if fault.times == 0:
                self._faults.remove(fault)
        return fault
