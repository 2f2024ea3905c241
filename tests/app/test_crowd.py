"""How many sockets may be open: in all, from one address, and while memory is scarce."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from app.crowd import SOCKETS_LIMIT, Crowd, files_limit
from app.gate.gate import READS_PER_TURN, Gate
from app.memory import MemoryWatch
from app.settings import Settings


class Doors:
    """Sockets that stay open until the end of the test."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd, self.stack = crowd, ExitStack()

    def welcomed(self, times: int, address: str = "") -> int:
        return sum(self.stack.enter_context(self.crowd.entered(address)) for _ in range(times))


def watch(share: float = 0.0) -> MemoryWatch:
    return MemoryWatch(lambda: share)


def test_sockets_end_at_the_limit_and_a_place_is_free_again() -> None:
    crowd = Crowd(watch(), limit=3)
    doors = Doors(crowd)
    assert (doors.welcomed(5), crowd.open) == (3, 3)
    doors.stack.close()
    assert crowd.open == 0
    assert Doors(crowd).welcomed(5) == 3


def test_one_address_leaves_room_for_the_others() -> None:
    doors = Doors(Crowd(watch(), limit=5, per_address=2))
    assert [doors.welcomed(4, address) for address in ("1.1.1.1", "2.2.2.2", "3.3.3.3")] == [2, 2, 1]
    doors.stack.close()
    assert doors.welcomed(4, "1.1.1.1") == 2


def test_nobody_enters_while_memory_is_scarce() -> None:
    assert Doors(Crowd(watch(0.99))).welcomed(3) == 0


def test_limit_leaves_files_for_everything_else() -> None:
    crowd = Crowd(watch())
    assert Doors(crowd).welcomed(10) == 10
    assert crowd._limit <= min(SOCKETS_LIMIT, files_limit())


def test_socket_that_fails_leaves_its_place() -> None:
    crowd = Crowd(watch(), limit=1)
    with pytest.raises(ValueError, match="broken"), crowd.entered("1.1.1.1"):
        raise ValueError("broken")
    assert crowd.open == 0


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ({}, None),
        ({"rate_address": "none", "environment": "production"}, None),
        ({"environment": "production"}, 30 * READS_PER_TURN),
        ({"rate_address": "100000/minute; 1000000/hour"}, 100_000 * READS_PER_TURN),
    ],
)
def test_sockets_of_an_address_follow_its_rate(limits: dict[str, str], most: int | None) -> None:
    assert Gate(Settings(**limits), lambda: None).sockets_per_address == most
