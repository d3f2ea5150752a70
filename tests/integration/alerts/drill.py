"""`make drill`: breaks mail in every way that the table of faults knows, and waits for the alert and for its end.

Real faults in the real stack, a real Prometheus and Alertmanager with the shipped rules and routes; only their times
are divided by SPEED. The alerts arrive at the sandbox's webhook, so also while the mail server is down.
"""

import socket
import sys
import time
from typing import Final, NamedTuple

from tests.integration.alerts.faults import FAULTS, Fault
from tests.integration.alerts.monitoring import SPEED, monitored
from tests.integration.stack import SANDBOX, Json, Stack, until

_DEADLINE_SECONDS: Final = 60.0
_PUBLIC: Final = ("mail-server", 2525)


class Outcome(NamedTuple):
    """What came of a fault: the first notification, and seconds from the fault and from the repair."""

    notification: Json
    notified: float
    resolved: float


def drill(stack: Stack, fault: Fault) -> Outcome:
    """Break it, wait for the notification, mend it, wait for the end.

    Raises:
        TimeoutError: one of them did not come.
    """
    http = stack.http
    http.delete(stack.url(SANDBOX, "/notifications")).raise_for_status()
    began = time.monotonic()
    with fault.strike(stack):
        notification = await_alert(stack, fault, "firing")
        notified = time.monotonic() - began
    mended = time.monotonic()
    await_alert(stack, fault, "resolved")
    resolved = time.monotonic() - mended
    _settle(stack)
    return Outcome(notification, notified, resolved)


def _settle(stack: Stack) -> None:
    """Wait until all notifications of a fault were sent: the dead man's switch comes every five seconds here."""
    seen = len(notifications(stack, "MailWatchdog"))

    def look() -> bool:
        greet(stack)
        return len(notifications(stack, "MailWatchdog")) >= seen + 2

    until("two more signs of life", look, _DEADLINE_SECONDS)


def await_alert(stack: Stack, fault: Fault, status: str) -> Json:
    """Wait for a notification of the fault's alert and return it."""

    def look() -> Json | None:
        if fault.log_flows or status == "resolved":
            greet(stack)
        found = notifications(stack, fault.alert)
        return next((one for one in found if one["status"] == status), None)

    return until(f"{fault.alert} {status}", look, _DEADLINE_SECONDS)


def notifications(stack: Stack, name: str = "") -> list[Json]:
    """Return what the webhook got about an alert, or about all."""
    found: list[Json] = stack.http.get(stack.url(SANDBOX, "/notifications"), params={"name": name}).json()
    return found


def greet(stack: Stack) -> None:
    """Make the mail server log two lines, as its health check does once a minute: too seldom for sped-up rules."""
    host, _, port = stack.url(_PUBLIC).removeprefix("http://").partition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1) as connection:
            connection.recv(1)
    except OSError:
        return  # it has only just been started


def main() -> int:
    """Run all faults and print the table; return 1 when an alert did not come."""
    print(f"Fire drill: rules and routes {SPEED} times as fast; starting the stack (a minute or two)", flush=True)
    failures = 0
    row = "{:32} {:28} {:9} {:>10} {:>10}".format
    with Stack().running() as stack, monitored(stack):
        print(row("fault", "alert", "severity", "notified", "resolved"))
        for fault in FAULTS:
            try:
                outcome = drill(stack, fault)
            except TimeoutError as error:
                failures += 1
                print(f"{fault.name:32} FAILED: {error}", flush=True)
                continue
            times = (f"{outcome.notified:.1f} s", f"{outcome.resolved:.1f} s")
            print(row(fault.name, fault.alert, outcome.notification["severity"], *times), flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
