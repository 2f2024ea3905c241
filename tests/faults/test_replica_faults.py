"""Readers of two replicas who drop, come back, stop and repeat; replicas that are ended and killed under them.

Numbers are those of the fault list.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Iterator

import httpx
import pytest
from fakes import eventually
from fleet import Fleet, Told, ask, hear_frames, new_turn, resume, stored, visiting

from chains.embedded_postgres import EmbeddedPostgres
from tests.app.doors import socket_of

pytestmark = pytest.mark.anyio

GRACE = 2.0  # seconds, RESUME_GRACE


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    postgres = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    settings = {"RESUME_GRACE": str(GRACE), "SHUTDOWN_GRACE": "20"}
    fleet = Fleet(tmp_path_factory.mktemp("fleet"), postgres.start(), settings)
    yield fleet
    fleet.close()
    postgres.stop()


def calls_of(fleet: Fleet) -> int:
    files = [service.data_dir / "calls" for service in fleet.services.values()]
    return sum(path.read_text().count("\n") for path in files if path.exists())


@pytest.mark.fault(26)
async def test_26_same_turn_over_two_sockets_is_one_call(fleet: Fleet) -> None:
    service, turn = fleet.service(0), new_turn()
    async with visiting(service) as client, socket_of(service) as one, socket_of(service) as other:
        token = client.headers["X-Docent-Visitor"]
        before = calls_of(fleet)
        for socket in (one, other):
            await socket.send(json.dumps({"type": "turn", **turn, "token": token}))
        first, second = await asyncio.gather(*(hear_frames(socket, turn, Told()) for socket in (one, other)))
    assert first == second
    assert first.types[-1] == "done"
    assert calls_of(fleet) == before + 1


@pytest.mark.fault(27)
async def test_27_other_words_under_the_same_id_are_refused(fleet: Fleet) -> None:
    turn = new_turn("How do I deploy a release?")
    async with visiting(fleet.service(0)) as client, socket_of(fleet.service(0)) as socket:
        await ask(client, turn)
        other = {**turn, "question": "And otherwise?"}
        refused = await client.post("/api/chat", json=other)
        assert (refused.status_code, refused.json()["code"]) == (409, "turn_id_reuse")
        await socket.send(json.dumps({"type": "turn", **other, "token": client.headers["X-Docent-Visitor"]}))
        assert json.loads(await socket.recv())["code"] == "turn_id_reuse"


@pytest.mark.fault(28)
@pytest.mark.parametrize("door", ["after", "Last-Event-ID", "socket"])
async def test_28_reader_who_comes_back_gets_what_was_missed(fleet: Fleet, door: str) -> None:
    service, turn = fleet.service(0), new_turn()
    async with visiting(service) as client, socket_of(service) as socket:
        told = await ask(client, turn, count=5)
        await asyncio.sleep(0.3)
        after = told.seqs[-1]
        if door == "socket":
            token = client.headers["X-Docent-Visitor"]
            frame = {"type": "resume", "turn_id": turn["turn_id"], "after": after, "token": token}
            await socket.send(json.dumps(frame))
            await hear_frames(socket, turn, told)
        elif door == "after":
            await resume(client, turn, told, params={"after": after})
        else:
            await resume(client, turn, told, headers={"Last-Event-ID": f"{turn['turn_id']}:{after}"})
        assert told.types[-1] == "done"
        assert told.text == (await stored(client, turn))["answer"]


@pytest.mark.fault(29)
async def test_29_reader_who_does_not_come_back_stops_the_answer(fleet: Fleet) -> None:
    turn = new_turn("How do I deploy a release slowly, slowly, slowly?")  # three times as long as the grace
    async with visiting(fleet.service(0)) as client:
        told = await ask(client, turn, count=5)
        kept = await stored(client, turn)
    assert (kept["state"], kept["outcome"], kept["partial"]) == ("partial", "failed", True)
    assert kept["answer"].startswith(told.text)


@pytest.mark.fault(30)
@pytest.mark.parametrize("door", ["sse", "socket"])
async def test_30_reader_goes_on_at_another_replica(fleet: Fleet, door: str) -> None:
    here, there, turn = fleet.service(0), fleet.service(1), new_turn()
    async with visiting(here) as client:
        token = client.headers["X-Docent-Visitor"]
        told = await ask(client, turn, count=5)
        async with visiting(there, token) as other, socket_of(there) as socket:
            after = told.seqs[-1]
            if door == "socket":
                frame = {"type": "resume", "turn_id": turn["turn_id"], "after": after, "token": token}
                await socket.send(json.dumps(frame))
                await hear_frames(socket, turn, told)
            else:
                await resume(other, turn, told, params={"after": after})
            assert told.types[-1] == "done"
            assert told.text == (await stored(other, turn))["answer"]


@pytest.mark.fault(31)
@pytest.mark.parametrize("place", [0, 1])
async def test_31_stopped_turn_stays_stopped_for_who_reads_on(fleet: Fleet, place: int) -> None:
    here, there, turn = fleet.service(0), fleet.service(place), new_turn()
    async with visiting(here) as client, visiting(there, client.headers["X-Docent-Visitor"]) as other:
        told = await ask(client, turn, count=5)
        stopped = await other.post(f"/api/chat/{turn['turn_id']}/cancel")
        assert stopped.json()["state"] == "cancelled"
        after = told.seqs[-1]
        await resume(other, turn, told, params={"after": after})
        assert (told.types[-1], told.data[-1]["outcome"]) == ("done", "cancelled")
        kept = await stored(client, turn)
        assert (kept["state"], kept["answer"]) == ("cancelled", told.text)


@pytest.mark.fault(43)
async def test_43_killed_in_mid_turn_is_partial_and_runs_again(fleet: Fleet) -> None:
    fleet.service(0)
    turn = new_turn()
    async with visiting(fleet.service(1)) as client:
        token = client.headers["X-Docent-Visitor"]
        told = await ask(client, turn, count=12)
        fleet.kill(1)
    async with visiting(fleet.service(1), token) as client:
        unseen = told.seqs[-1] + 5  # more than was ever written
        rest = await resume(client, turn, Told(seqs=[unseen], types=["token"], data=[{}]), params={"after": unseen})
        assert (rest.types[1], rest.types[-1], rest.data[-1]["partial"]) == ("restart", "error", True)
        kept = await stored(client, turn)
        assert (kept["state"], kept["question"], kept["answer"]) == ("partial", turn["question"], rest.text)
        again = await ask(client, turn)
        assert (again.types[0], again.types[1], again.types[-1]) == ("restart", "accepted", "done")
        assert again.seqs[0] == rest.seqs[-1] + 1
        assert (await stored(client, turn))["answer"] == again.text


@pytest.mark.fault(41)
async def test_41_asked_to_end_with_fifty_answers_running(fleet: Fleet) -> None:
    service = fleet.service(1)
    turns = [new_turn() for _ in range(50)]
    async with visiting(service) as client, socket_of(service) as socket:
        token = client.headers["X-Docent-Visitor"]
        for turn in turns[:6]:  # one visitor may have eight at once
            await socket.send(json.dumps({"type": "turn", **turn, "token": token}))
        told = {turn["turn_id"]: Told() for turn in turns}
        sockets = asyncio.create_task(_hear_all(socket, told, 6))
        readers = [asyncio.create_task(_ask_as_new(service.url, turn, told)) for turn in turns[6:]]
        await eventually(lambda: _true(all(each.types for each in told.values())))
        service.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        while (await client.get("/health/ready")).status_code == 200:
            assert time.monotonic() - began < 10
        refused = await client.post("/api/chat", json=new_turn())
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert int(refused.headers["Retry-After"]) > 0
        await asyncio.gather(sockets, *readers)
    assert await asyncio.to_thread(service.process.wait, 30) == 0
    assert {each.types[-1] for each in told.values()} == {"done"}


@pytest.mark.fault(42)
async def test_42_asked_to_end_twice_keeps_what_was_told(fleet: Fleet) -> None:
    service, turn = fleet.service(1), new_turn()
    async with visiting(service) as client:
        token = client.headers["X-Docent-Visitor"]
        told = Told()
        reader = asyncio.create_task(ask(client, turn, told))
        await eventually(lambda: _true(len(told.types) >= 6))
        for _ in range(2):
            service.process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.1)
        await reader
    assert await asyncio.to_thread(service.process.wait, 30) == 0
    assert (told.types[-1], told.data[-1]["partial"]) in (("error", True), ("done", False))
    async with visiting(fleet.service(0), token) as other:
        kept = await stored(other, turn)
        assert kept["state"] == ("partial" if told.types[-1] == "error" else "complete")
        assert kept["answer"] == told.text


async def _true(found: bool) -> bool:
    return found


async def _hear_all(socket: object, told: dict[str, Told], count: int) -> None:
    ended = 0
    while ended < count:
        frame = json.loads(await asyncio.wait_for(socket.recv(), 60))  # type: ignore[attr-defined]
        each = told[frame["turn_id"]]
        each.add(frame.pop("type"), frame, frame.pop("seq"))
        ended += each.ended


async def _ask_as_new(url: str, turn: dict[str, str], told: dict[str, Told]) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        await ask(client, turn, told[turn["turn_id"]])
