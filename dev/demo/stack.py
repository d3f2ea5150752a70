"""The demo's Compose project: checks before the start, start, commands in it, and what is printed."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final, TypeVar

ROOT: Final = Path(__file__).resolve().parents[2]
COMPOSE: Final = (
    *("docker", "compose"),
    *("-f", "docker-compose.mail.prod.yml", "-f", "docker-compose.sandbox.yml", "--env-file", "sandbox/sandbox.env"),
)
PROJECT: Final = "dinky-mail-sandbox"
CONTAINERS: Final = ("mail-server", "mail-api", "mail-exporter", "sandbox-relay")
PORTS: Final = {
    20001: "the API",
    8025: "the sandbox's page",
    2525: "incoming mail",
    5587: "submission",
    9464: "the API's metrics",
    9154: "the exporter's metrics",
}
DEADLINE_SECONDS: Final = 30
PROGRESS_SECONDS: Final = 15

T = TypeVar("T")


class DemoFailed(Exception):
    """A step of the demo failed; the message names the step and where to look."""


def start(*, build: bool = True, overlay: Sequence[str] = COMPOSE) -> None:
    """Start the stack, and return when every container is healthy.

    Raises:
        DemoFailed: Compose failed.
    """
    compose("up", "--detach", *(["--build"] if build else []), "--wait", "--quiet-pull", overlay=overlay)


def refuse_other_stacks() -> None:
    """Stop before anything is started when container names or ports of the demo are in use.

    Raises:
        DemoFailed: a name or a port is in use by something else than the demo.
    """
    _refuse_foreign_containers()
    _refuse_ports_in_use()


def _refuse_foreign_containers() -> None:
    template = '{{index .Config.Labels "com.docker.compose.project"}}'
    for name in CONTAINERS:
        found = run("docker", "inspect", "--type=container", "--format", template, name)
        if found.returncode == 0 and found.stdout.strip() != PROJECT:
            raise DemoFailed(
                f"a container named {name} exists already and does not belong to the demo. The demo uses the names of "
                f"production: stop that stack first, or run the demo on another machine."
            )


def _refuse_ports_in_use() -> None:
    if run(*COMPOSE, "ps", "--quiet").stdout.strip():
        return  # by the demo itself
    for port, what in PORTS.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise DemoFailed(f"port {port} of this machine is in use; the demo needs it for {what}") from None


def compose(*arguments: str, overlay: Sequence[str] = COMPOSE) -> None:
    """Run Docker Compose on the demo's project, with its files or those of an overlay.

    On a terminal, Compose prints its own progress. Elsewhere a line is printed from time to time, and Compose's output
    when it failed.

    Raises:
        DemoFailed: Compose failed.
    """
    with TemporaryFile() as output:
        out = None if sys.stdout.isatty() else output
        process = subprocess.Popen([*overlay, *arguments], cwd=ROOT, stdout=out, stderr=out)
        started = time.monotonic()
        while not _ended(process, PROGRESS_SECONDS):
            if out:
                print(f"  still running after {time.monotonic() - started:.0f} s", flush=True)
        if process.returncode == 0:
            return
        output.seek(0)
        sys.stderr.write(output.read().decode(errors="replace"))
    raise DemoFailed(
        f"docker compose {arguments[0]} failed; its output is above, and that of each container in "
        f"`docker logs NAME` ({', '.join(CONTAINERS)})"
    )


def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait up to that long for the end of a process, and return whether it ended."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command and keep its output."""
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


def wait_for(what: str, look: Callable[[], T | None], seconds: float = DEADLINE_SECONDS) -> T:
    """Call `look` until it returns something else than None, and return that.

    Raises:
        DemoFailed: it still returned None after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(0.2)
    raise DemoFailed(
        f"{what}: not within {seconds:.0f} s; see `docker logs mail-server` and `docker logs mail-exporter`"
    )


def heading(text: str) -> None:
    """Print the heading of a step."""
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def indented(text: str) -> str:
    """Return the text with two spaces before every line."""
    return "\n".join(f"  {line}" for line in text.splitlines())
