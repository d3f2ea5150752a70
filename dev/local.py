"""`make dev`: runs this checkout with the sandbox relay, and restarts a service when its Python source changes."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Final

from watchfiles import PythonFilter, watch

from dev.demo.services import API, METRICS, SANDBOX
from dev.demo.stack import COMPOSE as DEMO
from dev.demo.stack import CONTAINERS, ROOT, DemoFailed, compose, heading, refuse_other_stacks, run, start

COMPOSE: Final = (*DEMO, "-f", "docker-compose.dev.yml")
SOURCES: Final = {
    "mail-api": ("api", "ledger", "telemetry"),
    "mail-exporter": ("exporter", "ledger", "telemetry"),
}
"""The folders from which each service runs: the volumes in docker-compose.dev.yml."""
STOP_SECONDS: Final = 10
_START_SECONDS: Final = 10.0
_TIMEOUT_MILLISECONDS: Final = 200


def main() -> int:
    """Run the stack until Ctrl-C, then remove it; return the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    try:
        refuse_other_stacks()
    except DemoFailed as refusal:  # nothing was started, so nothing is removed
        print(f"dev: {refusal}", file=sys.stderr)
        return 1
    try:
        heading("Building and starting (a few minutes the first time, seconds afterwards)")
        start(overlay=COMPOSE)
        show_where()
        with watching(ROOT, restart):
            subprocess.run([*COMPOSE, "logs", "--follow", "--tail", "5", *CONTAINERS], cwd=ROOT, check=False)
    except KeyboardInterrupt:
        pass  # the normal end
    except DemoFailed as failure:
        print(f"\ndev: {failure}", file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would leave containers behind
        heading("Stopping, and deleting its volumes")
        compose("down", "--volumes", "--remove-orphans", "--timeout", "5", overlay=COMPOSE)
    return 0


@contextmanager
def watching(root: Path, act: Callable[[list[str]], None]) -> Iterator[None]:
    """Watch the sources below `root` during the context; call `act` with the services that a change concerns."""
    folders = sorted({root / folder for sources in SOURCES.values() for folder in sources})
    ready, over = Event(), Event()

    def loop() -> None:
        for changes in watch(
            *folders,
            watch_filter=PythonFilter(),
            stop_event=over,
            rust_timeout=_TIMEOUT_MILLISECONDS,
            yield_on_timeout=True,  # the first yield says that the watch is set up
        ):
            ready.set()
            if changes:
                act(concerned({Path(path).relative_to(root).parts[0] for _, path in changes}))

    thread = Thread(target=loop, daemon=True)
    thread.start()
    ready.wait(_START_SECONDS)
    try:
        yield
    finally:
        over.set()
        thread.join()


def concerned(folders: set[str]) -> list[str]:
    """Return the services that run from one of these folders."""
    return [service for service, sources in SOURCES.items() if folders.intersection(sources)]


def restart(services: list[str]) -> None:
    """Restart services, also those that ended after an error."""
    print(f"dev: source changed, restarting {', '.join(services)}", flush=True)
    done = run(*COMPOSE, "restart", "--no-deps", "--timeout", str(STOP_SECONDS), *services)
    if done.returncode:
        print(f"dev: the restart failed: {done.stderr}", file=sys.stderr, flush=True)


def show_where() -> None:
    """Print the addresses of the services, and what happens after a change."""
    heading("Running. After a change in api/, exporter/, ledger/ or telemetry/, its service is restarted")
    for what, where in (
        ("the API", f"{API}/send, {API}/docs"),
        ("incoming mail (SMTP)", "localhost:2525, for dinky.example"),
        ("submission (SMTP, STARTTLS)", "localhost:5587, user admin, password sandbox-password"),
        ("mails, faults, traces", f"{SANDBOX}/"),
        *((f"metrics of {name}", url) for name, url in METRICS.items()),
        ("postfix/ or sandbox/ changed", "Ctrl-C, make dev"),
        ("stop", "Ctrl-C"),
    ):
        print(f"  {what:<28} {where}")
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())
