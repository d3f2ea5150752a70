"""`make drill`: causes every fault of the table, and waits for its alert and for the end of the alert.

Real faults in the real stack, a real Prometheus and Alertmanager with the shipped rules and routes; only their times
are divided by SPEED. Notifications go to the sandbox's webhook, which works while the mail server is down.
"""

import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from tests.integration.alerts.faults import FAULTS, QUOTA_FAULTS, QUOTA_SETTINGS, ROOM, Fault, room
from tests.integration.alerts.monitoring import SPEED, monitored
from tests.integration.stack import SANDBOX, Json, Stack, until
from tests.polling import T

CONNECTION_SECONDS: Final = 2.0
"""Between two connections: the public port takes 60 connections a minute from one client (master.cf), and refuses the
tests after the drill for the rest of the minute when it had more. MailLogNotAdvancing fires after 10 s here."""
_DEADLINE_SECONDS: Final = 60.0
_PUBLIC: Final = ("mail-server", 2525)
_ROW: Final = "{:40} {:28} {:9} {:>10} {:>10}"


class Outcome(NamedTuple):
    """The result of a fault: the first notification, and the seconds from the fault and from the repair."""

    notification: Json
    notified: float
    resolved: float


def drill(stack: Stack, fault: Fault) -> Outcome:
    """Cause the fault, wait for the notification, repair it, wait for the end.

    Raises:
        TimeoutError: a notification did not arrive.
        AssertionError: the alert ended before the fault did.
    """
    http = stack.http
    http.delete(stack.url(SANDBOX, "/notifications")).raise_for_status()
    began = time.monotonic()
    with fault.inject(stack):
        notification = await_alert(stack, fault, "firing")
        notified = time.monotonic() - began
        _until(f"end of the fault: {fault.name}", lambda: _ended(stack, fault), stack, log_flows=fault.log_flows)
    repaired = time.monotonic()
    await_alert(stack, fault, "resolved")
    resolved = time.monotonic() - repaired
    _settle(stack)
    return Outcome(notification, notified, resolved)


def _ended(stack: Stack, fault: Fault) -> bool:
    """Return whether the fault has ended, or lasts until its repair; fail if the alert ended before."""
    # Read before the fault: the notification of the end can follow the end within a second.
    received = notifications(stack, fault.alert)
    ended = fault.ended is not None and fault.ended(stack)
    statuses = [one["status"] for one in received]
    assert ended or "resolved" not in statuses, f"{fault.alert} ended before the fault: {received}"
    return ended or fault.ended is None


@contextmanager
def small_quota(stack: Stack) -> Iterator[None]:
    """Run the API and the exporter with QUOTA_SETTINGS, from an empty window and without alerts to their end."""
    with stack.variables(QUOTA_SETTINGS, "mail-api", "mail-exporter"):
        _until("an empty window", lambda: room(stack) == ROOM, stack)
        _settle(stack)
        # Mails from before can fill the small quota, and the end of that alert is notified up to ten seconds after the
        # window is empty (keep_firing_for): a drill would take it for the end of its own alert.
        _until("the end of all alerts", lambda: not _open_alerts(stack), stack)
        yield
    _settle(stack)


def _open_alerts(stack: Stack) -> list[str]:
    """Return the names of the alerts whose end was not notified; not the dead man's switch, which has no end."""
    last = {one["name"]: one["status"] for one in notifications(stack)}
    return [name for name, status in last.items() if status == "firing" and name != "MailWatchdog"]


def _settle(stack: Stack) -> None:
    """Wait until all notifications of a fault were sent: the dead man's switch sends one every five seconds here."""
    seen = len(notifications(stack, "MailWatchdog"))
    _until("two more signs of life", lambda: len(notifications(stack, "MailWatchdog")) >= seen + 2, stack)


def await_alert(stack: Stack, fault: Fault, status: str) -> Json:
    """Wait for a notification of the fault's alert and return it."""

    def look() -> Json | None:
        found = notifications(stack, fault.alert)
        return next((one for one in found if one["status"] == status), None)

    return _until(f"{fault.alert} {status}", look, stack, log_flows=fault.log_flows or status == "resolved")


def _until(what: str, look: Callable[[], T | None], stack: Stack, *, log_flows: bool = True) -> T:
    """Wait for a true result of `look`, and let the mail server log new lines in the meantime."""
    return until(what, with_connections(stack, look) if log_flows else look, _DEADLINE_SECONDS)


def with_connections(stack: Stack, look: Callable[[], T | None]) -> Callable[[], T | None]:
    """Return `look` with a connection to the public port before it, at most one in CONNECTION_SECONDS."""
    due = time.monotonic()

    def connect_and_look() -> T | None:
        nonlocal due
        if time.monotonic() >= due:
            _connect(stack)
            due = time.monotonic() + CONNECTION_SECONDS
        return look()

    return connect_and_look


def notifications(stack: Stack, name: str = "") -> list[Json]:
    """Return the notifications of an alert, or of all, that the webhook received."""
    found: list[Json] = stack.http.get(stack.url(SANDBOX, "/notifications"), params={"name": name}).json()
    return found


def _connect(stack: Stack) -> None:
    """Make the mail server log two lines; the health check does so once a minute, too rarely for sped-up rules."""
    host, _, port = stack.url(_PUBLIC).removeprefix("http://").partition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1) as connection:
            connection.recv(1)
    except OSError:
        return  # the mail server is still starting


def main() -> int:
    """Run all faults and print the table; return 1 if an alert is missing."""
    print(f"Fire drill: rules and routes {SPEED} times as fast; starting the stack (a minute or two)", flush=True)
    with Stack().running() as stack, monitored(stack):
        print(_ROW.format("fault", "alert", "severity", "notified", "resolved"))
        failures = sum(not _report(stack, fault) for fault in FAULTS)
        with small_quota(stack):
            failures += sum(not _report(stack, fault) for fault in QUOTA_FAULTS)
    return 1 if failures else 0


def _report(stack: Stack, fault: Fault) -> bool:
    """Run a fault and print its line; return whether its alert fired and ended."""
    try:
        outcome = drill(stack, fault)
    except (TimeoutError, AssertionError) as error:
        print(f"{fault.name:34} FAILED: {error}", flush=True)
        return False
    times = (f"{outcome.notified:.1f} s", f"{outcome.resolved:.1f} s")
    print(_ROW.format(fault.name, fault.alert, outcome.notification["severity"], *times), flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
