"""`make demo-fault`: the relay refuses the password, a mail waits, the password is repaired; one trace shows it all."""

import json
import time
from typing import Final

import httpx2

from dev.demo.services import (
    API,
    SANDBOX,
    Json,
    attempts,
    draw_trace,
    explain,
    find_by_id,
    find_trace,
    send,
    switch_off_faults,
)
from dev.demo.stack import COMPOSE, DemoFailed, heading, indented, refuse_other_stacks, run, start, wait_for
from mail_telemetry.causes import Cause
from mail_telemetry.names import Attribute, LogLine

FAULT: Final = "wrong_password"


def demo() -> None:
    """Send a mail while the relay refuses the password, repair it, and show both in one trace."""
    refuse_other_stacks()
    heading("Building and starting (a few minutes the first time, seconds afterwards)")
    start()
    switch_off_faults()
    message_id = break_and_send()
    show_why_it_waits(message_id)
    repair(message_id)
    show_trace_and_logs(message_id)
    print("\nThe demo still runs: make demo, make demo-down")


def break_and_send() -> str:
    """Let the relay refuse the password, as if it had been changed, and send a mail; return the mail's id."""
    heading(f"The relay's password is changed: PUT {SANDBOX}/faults/{FAULT}")
    httpx2.put(f"{SANDBOX}/faults/{FAULT}", json={}).raise_for_status()
    heading(f"POST {API}/send: the caller gets a success, for the mail is safe in the queue")
    answer = send()
    print(f"  {json.dumps(answer)}")
    return str(answer["id"])


def show_why_it_waits(message_id: str) -> None:
    """Print the exporter's explanation of the mail after two refused attempts."""
    wait_for("the second refusal", lambda: len(attempts(message_id)) > 1 or None)
    heading(f"Why does it wait? docker exec mail-exporter mail-exporter explain {message_id}")
    explanation = explain(message_id)
    if f"why it waits   {Cause.AUTH}:" not in explanation:
        raise DemoFailed(f"explain does not name the cause {Cause.AUTH}: {explanation}")
    print(indented(explanation))


def repair(message_id: str) -> None:
    """Let the relay accept the password again, and wait for the mail's next attempt."""
    heading(f"The password is repaired: DELETE {SANDBOX}/faults/{FAULT}")
    httpx2.delete(f"{SANDBOX}/faults/{FAULT}").raise_for_status()
    began = time.monotonic()
    wait_for("the mail at the relay", lambda: find_by_id(message_id))
    print(f"  the mail arrived {time.monotonic() - began:.0f} s later, without being sent again by hand")


def show_trace_and_logs(message_id: str) -> None:
    """Print the trace, and the log lines of the same mail.

    Raises:
        DemoFailed: the trace does not show both a refusal with its cause and the later success.
    """
    trace_id = wait_for("the trace", lambda: find_trace(message_id))
    statuses = [span["attributes"].get(Attribute.STATUS) for span in attempts(message_id)]
    causes = {span["attributes"].get(Attribute.CAUSE) for span in attempts(message_id)}
    if statuses[0] != "deferred" or statuses[-1] != "sent" or Cause.AUTH not in causes:
        raise DemoFailed(f"the trace {trace_id} does not show deferred, then sent: {statuses}, {causes}")
    heading(f"One trace, {trace_id}: {len(statuses)} attempts, {statuses.count('deferred')} of them refused")
    print(indented(draw_trace(trace_id)))
    heading("The same in the logs: docker logs mail-api, docker logs mail-exporter")
    for line in log_lines(trace_id):
        words = [line[name] for name in (Attribute.STATUS, Attribute.CAUSE, Attribute.OUTCOME) if name in line]
        print(f"  {line['time']}  {line['service']:<13}  {line['level']:<7}  {line['message']:<22}  {' '.join(words)}")


def log_lines(trace_id: str) -> list[Json]:
    """Return both services' log lines with that trace id, by time."""
    lines = run(*COMPOSE, "logs", "--no-log-prefix", "mail-api", "mail-exporter").stdout.splitlines()
    found = [json.loads(line) for line in lines if trace_id in line]
    return sorted((line for line in found if line["message"] in set(LogLine)), key=lambda line: str(line["time"]))
