"""`make dev`: the demo's stack with this checkout's Python in it, which starts again at every change; until Ctrl-C."""

import signal
import subprocess
import sys
from typing import Final

from dev.demo import (
    API,
    CONTAINERS,
    METRICS,
    ROOT,
    SANDBOX,
    DemoFailed,
    compose,
    heading,
    refuse_foreign_containers,
    refuse_taken_ports,
)
from dev.demo import COMPOSE as DEMO

COMPOSE: Final = (*DEMO, "-f", "docker-compose.dev.yml")


def main() -> int:
    """Run it until Ctrl-C, and take it down; return the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    try:
        refuse_foreign_containers()
        refuse_taken_ports()
    except DemoFailed as refusal:  # nothing was started, so nothing is taken down
        print(f"dev: {refusal}", file=sys.stderr)
        return 1
    try:
        heading("Building and starting (a few minutes the first time, seconds afterwards)")
        compose("up", "--detach", "--build", "--wait", "--quiet-pull", overlay=COMPOSE)
        show_where()
        subprocess.run([*COMPOSE, "logs", "--follow", "--tail", "5", *CONTAINERS], cwd=ROOT, check=False)
    except KeyboardInterrupt:
        pass  # how it is meant to end
    except DemoFailed as failure:
        print(f"\ndev: {failure}", file=sys.stderr)
        return 1
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would leave half of it behind
        heading("Stopping, and deleting its volumes")
        compose("down", "--volumes", "--remove-orphans", "--timeout", "5", overlay=COMPOSE)
    return 0


def show_where() -> None:
    """Print what can be called where, and what happens at a change."""
    heading("Running. Change a file in api/, exporter/, ledger/ or telemetry/: its service starts again")
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
