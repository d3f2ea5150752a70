"""The sandbox process: start, stop, and errors for invalid settings."""

import asyncio
import datetime as dt
import os
import signal
import socket
import sys
from pathlib import Path

import httpx2
import pytest
from loguru import logger

from mail_sandbox.__main__ import main

pytestmark = pytest.mark.slow

START_SECONDS = 30
"""The time for importing all modules on a busy machine."""


def on_free_ports(tmp_path: Path) -> dict[str, str]:
    """Return the variables of a sandbox on free ports of this machine."""
    ports = {f"SANDBOX_{name}_PORT": "0" for name in ("SUBMISSION", "SMTPS", "HTTP", "OTLP", "OTLP_GRPC")}
    return {"SANDBOX_BIND": "127.0.0.1", "SANDBOX_CA_FILE": str(tmp_path / "ca.pem"), **ports}


async def start(tmp_path: Path, **variables: str) -> asyncio.subprocess.Process:
    """Start a sandbox in its own process, on free ports."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mail_sandbox",
        env=os.environ | on_free_ports(tmp_path) | variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def free_port() -> int:
    """Return a port that is closed now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def test_serves_until_sigterm(tmp_path: Path) -> None:
    """The process answers once its log line appears, and stops within two seconds even with an open session."""
    http, smtp = free_port(), free_port()
    process = await start(tmp_path, SANDBOX_HTTP_PORT=str(http), SANDBOX_SUBMISSION_PORT=str(smtp))
    assert process.stdout
    ready = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
    assert b"sandbox ready" in ready
    assert (tmp_path / "ca.pem").exists()
    async with httpx2.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{http}/health")).json()["status"] == "ok"
    reader, writer = await asyncio.open_connection("127.0.0.1", smtp)
    assert (await reader.readline()).startswith(b"220 smtp.gmail.com")
    process.send_signal(signal.SIGTERM)
    out, err = await asyncio.wait_for(process.communicate(), START_SECONDS)
    stopping, stopped = (dt.datetime.fromisoformat(line.split()[0].decode()) for line in out.splitlines()[-2:])
    assert stopped - stopping < dt.timedelta(seconds=2)
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
def test_invalid_settings(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variables: dict[str, str],
    message: str,
) -> None:
    """Invalid settings end the process with exit code 2 and one line that names the variable."""
    monkeypatch.setattr("mail_sandbox.__main__.configure_logging", logger.remove)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        environment = on_free_ports(tmp_path) | {k: port if v == "taken" else v for k, v in variables.items()}
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as raised:
            main()
    err = capsys.readouterr().err
    assert raised.value.code == 2
    assert err.startswith(message)
    assert err.count("\n") == 1
