"""The process around the doors: killed and restarted, asked to end, started twice."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from doors import SCRIPTED, SITE, ask, client_of, send, socket_of, stream
from live_service import PLAIN_UVICORN, LiveService, free_port, start, stop

from chains.postgres_leftovers import server_processes

pytestmark = pytest.mark.anyio

PORT = ["--port", "{port}"]
SCRIPTED_UVICORN = [*PLAIN_UVICORN[:3], "--app-dir", str(SITE.parent), "--factory", "scripted_service:plain", *PORT]
DEPLOY = "How do I deploy a release?"
SLOW = "How do I deploy a release slowly?"


async def none_left(cluster: Path) -> bool:
    for _ in range(100):
        if not server_processes(cluster):
            return True
        await asyncio.sleep(0.1)
    return False


async def drain(service: LiveService, client: httpx.AsyncClient) -> None:
    """SIGTERM while two readers are being answered: both hear the end, and nobody else is let in."""
    async with socket_of(service) as socket:
        readers = asyncio.gather(stream(client, SLOW), send(socket, SLOW))
        await asyncio.sleep(0.6)
        service.process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.1)
        late = await client.post("/api/chat", json={"question": DEPLOY})
        ready = await client.get("/health/ready")
        for heard in await readers:
            assert heard.types[-1] == "done"
            assert heard.seqs == list(range(1, len(heard.seqs) + 1))
    assert (late.status_code, late.json()["code"], ready.status_code) == (503, "overloaded", 503)
    assert int(late.headers["Retry-After"]) > 0


async def test_service_is_killed_restarted_and_asked_to_end(tmp_path: Path) -> None:
    first = start(tmp_path, SITE, command=SCRIPTED)
    try:
        first.await_health()
        async with client_of(first) as client:
            reply = await ask(client, DEPLOY)
    finally:
        first.process.kill()
        first.process.wait()
    assert await none_left(first.data_dir / "postgres")
    second = start(tmp_path, SITE, command=SCRIPTED)
    try:
        second.await_health()
        async with client_of(second, reply["visitor_token"]) as client:
            found = await client.get(f"/api/conversation/{reply['conversation_id']}")
            assert found.json()["messages"][0]["answer"] == reply["answer"]
            await drain(second, client)
    finally:
        code = stop(second)
    assert code == 0
    assert await none_left(second.data_dir / "postgres")


@pytest.mark.slow
async def test_plain_uvicorn_that_ends_keeps_what_was_told(tmp_path: Path) -> None:
    first = start(tmp_path, SITE, command=SCRIPTED_UVICORN)
    try:
        first.await_health()
        async with client_of(first) as client, socket_of(first) as socket:
            await socket.send(json.dumps({"type": "turn", "question": SLOW}))
            frames = [json.loads(await socket.recv()) for _ in range(12)]
    finally:
        stop(first)
    second = start(tmp_path, SITE, command=SCRIPTED_UVICORN)
    try:
        second.await_health()
        async with client_of(second, frames[0]["visitor_token"]) as client:
            found = await client.get(f"/api/conversation/{frames[0]['conversation_id']}")
    finally:
        stop(second)
    (kept,) = found.json()["messages"]
    told = "".join(frame.get("text", "") for frame in frames)
    assert (kept["state"], kept["outcome"], kept["partial"], kept["grounded"]) == ("partial", "failed", True, False)
    assert told
    assert kept["answer"].startswith(told)


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-m", "app", "serve", "--port", "0"],
        [sys.executable, "-m", "app", "ingest", str(SITE)],
        PLAIN_UVICORN,
    ],
    ids=["serve", "ingest", "uvicorn"],
)
def test_second_process_is_told_who_holds_the_folder(service: LiveService, command: list[str]) -> None:
    arguments = [argument.format(port=free_port()) for argument in command]
    done = subprocess.run(
        arguments, cwd=service.data_dir, env=service.environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0
    if command is not PLAIN_UVICORN:  # uvicorn has exit codes of its own
        assert done.returncode == 1
    assert str(service.process.pid) in done.stderr
    assert "docent serve" in done.stderr
    assert service.url.rpartition(":")[2] in done.stderr
    assert "Stop it, or set DATA_DIR" in done.stderr
    assert "Traceback" not in done.stderr


def test_port_in_use_is_one_sentence(service: LiveService, tmp_path: Path) -> None:
    settings = service.environment | {"DATA_DIR": str(tmp_path), "PORT": service.url.rpartition(":")[2]}
    settings["HOST"] = "127.0.0.1"
    command = [sys.executable, "-m", "app", "serve"]
    done = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "docent: PORT: " in done.stderr
    assert "Traceback" not in done.stderr
