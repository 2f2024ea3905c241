"""A run over the index leaves the interpreter to the readers for half of the time."""

from __future__ import annotations

import threading
import time

import pytest

from app.ingests import Pause, Stopped


def compute(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def rest(pause: Pause) -> float:
    began = time.monotonic()
    pause.take()
    return time.monotonic() - began


def test_a_run_rests_for_as_long_as_it_has_computed() -> None:
    pause = Pause(threading.Event())
    compute(0.05)
    pause.take()  # whatever its thread did before is not the run's
    compute(0.1)
    assert rest(pause) >= 0.1
    compute(0.02)
    assert rest(pause) >= 0.02


def test_a_run_does_not_rest_when_the_service_ends() -> None:
    ended = threading.Event()
    ended.set()
    with pytest.raises(Stopped):
        Pause(ended).take()
