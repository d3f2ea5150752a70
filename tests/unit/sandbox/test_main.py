"""The process: it starts, serves, stops, and says what is wrong with its settings."""

import asyncio
import os
import signal
import socket
import sys
import time
from pathlib import Path

import httpx2
import pytest


async def start(tmp_path: Path, **variables: str) -> asyncio.subprocess.Process:
    """A sandbox in a process of its own, on free ports."""
    ports = {f"SANDBOX_{name}_PORT": "0" for name in ("SUBMISSION", "SMTPS", "HTTP", "OTLP", "OTLP_GRPC")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mail_sandbox",
        env={**os.environ, "SANDBOX_BIND": "127.0.0.1", "SANDBOX_CA_FILE": str(tmp_path / "ca.pem"), **ports}
        | variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def free_port() -> int:
    """A port that is closed now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def test_it_serves_until_sigterm(tmp_path: Path) -> None:
    """It is up when it says so, answers, and is gone within two seconds even with a session open."""
    http, smtp = free_port(), free_port()
    process = await start(tmp_path, SANDBOX_HTTP_PORT=str(http), SANDBOX_SUBMISSION_PORT=str(smtp))
    assert process.stdout
    ready = await asyncio.wait_for(process.stdout.readline(), 5)
    assert b"sandbox ready" in ready
    assert (tmp_path / "ca.pem").exists()
    async with httpx2.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{http}/health")).json()["status"] == "ok"
    reader, writer = await asyncio.open_connection("127.0.0.1", smtp)
    assert (await reader.readline()).startswith(b"220 smtp.gmail.com")
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    out, err = await asyncio.wait_for(process.communicate(), 5)
    assert time.monotonic() - started < 2
    assert (process.returncode, err) == (0, b"")
    assert out.splitlines()[-1].endswith(b"stopped {}")
    writer.close()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"SANDBOX_HTTP_PORT": "http"}, "SANDBOX_HTTP_PORT: Input should be a valid integer"),
        ({"SANDBOX_OTLP_PORT": "taken"}, "SANDBOX_OTLP_PORT: port "),
    ],
    ids=["not a number", "port taken"],
)
async def test_wrong_settings_end_it(tmp_path: Path, variables: dict[str, str], message: str) -> None:
    """Exit code 2 and one line that names the variable."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = await start(tmp_path, **{k: port if v == "taken" else v for k, v in variables.items()})
        _, err = await asyncio.wait_for(process.communicate(), 5)
    assert process.returncode == 2
    assert err.decode().startswith(message)
    assert err.count(b"\n") == 1
