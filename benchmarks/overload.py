"""Three times more turns than the service can take: what is answered, how soon the rest is refused, and recovery.

PYTHONPATH=.:tests python -m benchmarks.overload [--seconds 60] [--times 3]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from live_service import LiveService, serving

from benchmarks.live import SLOWLY, allow_many_files, share
from tests.app.doors import SCRIPTED, SITE

RUNNING = 40  # MAX_RUNNING_TURNS: what two cores answer well
CALM = 5.0  # seconds after which one more turn must be answered as before


@dataclass
class Outcome:
    answered: int = 0
    refused: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


async def ask(service: LiveService, outcome: Outcome) -> bool:
    """One turn on a connection of its own, with as little work here as may be."""
    name, _, port = service.host.partition(":")
    body = json.dumps({"question": SLOWLY}).encode()
    head = f"POST /api/chat HTTP/1.1\r\nHost: {service.host}\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    reader, writer = await asyncio.open_connection(name, int(port))
    began = time.perf_counter()
    writer.write(head.encode() + body)
    status = int((await reader.readline()).split()[1])
    took = (time.perf_counter() - began) * 1000
    answer = await reader.read()
    while piece := await reader.read():
        answer += piece
    writer.close()
    if status == 200 and b"event: done" in answer:
        outcome.answered += 1
        return True
    if status in (429, 503) and b"etry-after" in answer.lower():
        outcome.refused.append(took)
    else:
        outcome.wrong.append(f"{status}: {answer[-200:]!r}")
    return False


async def peak(service: LiveService, seconds: float) -> float:
    """Turns a second when as many are asked as may run, each after the other's end."""
    outcome, end = Outcome(), time.monotonic() + seconds
    began = time.monotonic()

    async def one() -> None:
        while time.monotonic() < end:
            await ask(service, outcome)

    await asyncio.gather(*(one() for _ in range(RUNNING)))
    return outcome.answered / (time.monotonic() - began)


async def overload(service: LiveService, rate: float, seconds: float) -> tuple[Outcome, float]:
    """`rate` turns a second, whether answered or not; the outcome, and turns answered a second."""
    outcome, tasks, began = Outcome(), [], time.monotonic()
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        tasks.append(asyncio.create_task(ask(service, outcome)))
    in_time = outcome.answered / (time.monotonic() - began)
    await asyncio.gather(*tasks)
    return outcome, in_time


async def run(service: LiveService, seconds: float, times: float) -> None:
    await peak(service, 3)  # warm
    best = await peak(service, 10)
    outcome, good = await overload(service, best * times, seconds)
    began = time.monotonic()
    while not await ask(service, Outcome()):  # noqa: ASYNC110 - as a reader would try
        await asyncio.sleep(0.1)
    recovery = time.monotonic() - began
    p50, p99 = share(outcome.refused, 0.5), share(outcome.refused, 0.99)
    print(  # noqa: T201
        f"peak {best:.1f} turns/s; at {times:g} times that {good:.1f} ({good / best:.0%}), {len(outcome.refused)}"
        f" refused in p50/p99 {p50:.0f}/{p99:.0f} ms, {len(outcome.wrong)} otherwise; answered {recovery:.1f} s after"
    )
    if good < 0.9 * best or p50 >= 50 or recovery > CALM or outcome.wrong:
        raise SystemExit("\n".join(["over a bound", *outcome.wrong[:5]]))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--times", type=float, default=3)
    arguments = parser.parse_args()
    allow_many_files()
    more = {"MAX_RUNNING_TURNS": str(RUNNING)}
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder), SITE, command=SCRIPTED, **more) as service,
    ):
        asyncio.run(run(service, arguments.seconds, arguments.times))


if __name__ == "__main__":
    main()
