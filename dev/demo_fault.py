"""`make demo-fault`: the relay refuses our password, a mail waits, the password is repaired; one trace tells it all."""

import json
import sys
import time
from typing import Any, Final

import httpx2

from dev.demo import (
    API,
    COMPOSE,
    SANDBOX,
    DemoFailed,
    compose,
    find_mail,
    find_trace,
    heading,
    indented,
    refuse_foreign_containers,
    refuse_taken_ports,
    run,
    send,
    switch_off_faults,
    wait_for,
)
from mail_telemetry.causes import Cause
from mail_telemetry.names import Attribute, LogLine, SpanName

FAULT: Final = "wrong_password"


def main() -> int:
    """Tell the story; return the exit status."""
    try:
        refuse_foreign_containers()
        refuse_taken_ports()
        heading("Building and starting (a few minutes the first time, seconds afterwards)")
        compose("up", "--detach", "--build", "--wait", "--quiet-pull")
        switch_off_faults()
        message_id = break_and_send()
        show_why_it_waits(message_id)
        repair(message_id)
        show_story(message_id)
    except (DemoFailed, httpx2.HTTPError) as failure:
        print(f"\ndemo-fault: {failure}", file=sys.stderr)
        return 1
    print("\nThe demo runs on: make demo, make demo-down")
    return 0


def break_and_send() -> str:
    """Let the relay refuse our password, as after a change of it, and send a mail; return the mail's id."""
    heading(f"The relay's password is changed: PUT {SANDBOX}/faults/{FAULT}")
    httpx2.put(f"{SANDBOX}/faults/{FAULT}", json={}).raise_for_status()
    heading(f"POST {API}/send: the caller hears of nothing, for the mail is safe in the queue")
    answer = send()
    print(f"  {json.dumps(answer)}")
    return str(answer["id"])


def show_why_it_waits(message_id: str) -> None:
    """Print what the exporter knows of the mail once it was refused twice."""
    wait_for("the second refusal", lambda: len(attempts(message_id)) > 1 or None)
    heading(f"Why does it wait? docker exec mail-exporter mail-exporter explain {message_id}")
    told = run(*COMPOSE, "exec", "-T", "mail-exporter", "mail-exporter", "explain", message_id)
    if f"why it waits   {Cause.AUTH}:" not in told.stdout:
        raise DemoFailed(f"explain does not name the cause {Cause.AUTH}: {told.stdout or told.stderr}")
    print(indented(told.stdout))


def repair(message_id: str) -> None:
    """Set the password right and wait until the mail has arrived, all by itself."""
    heading(f"The password is repaired: DELETE {SANDBOX}/faults/{FAULT}")
    httpx2.delete(f"{SANDBOX}/faults/{FAULT}").raise_for_status()
    began = time.monotonic()
    wait_for("the mail at the relay", lambda: find_mail(message_id))
    print(f"  the mail arrived {time.monotonic() - began:.0f} s later, and nobody sent it again")


def show_story(message_id: str) -> None:
    """Print the trace, and the same story as the log tells it.

    Raises:
        DemoFailed: the trace has not both, a refusal with its cause and the later success.
    """
    trace_id = wait_for("the trace", lambda: find_trace(message_id))
    statuses = [span["attributes"].get(Attribute.STATUS) for span in attempts(message_id)]
    causes = {span["attributes"].get(Attribute.CAUSE) for span in attempts(message_id)}
    if statuses[0] != "deferred" or statuses[-1] != "sent" or Cause.AUTH not in causes:
        raise DemoFailed(f"the trace {trace_id} tells another story: {statuses}, {causes}")
    heading(f"One trace, {trace_id}: {len(statuses)} attempts, {statuses.count('deferred')} of them refused")
    print(indented(httpx2.get(f"{SANDBOX}/traces/{trace_id}/tree").text))
    heading("The same in the logs: docker logs mail-api, docker logs mail-exporter")
    for line in log_lines(trace_id):
        words = [line[name] for name in (Attribute.STATUS, Attribute.CAUSE, Attribute.OUTCOME) if name in line]
        print(f"  {line['time']}  {line['service']:<13}  {line['level']:<7}  {line['message']:<22}  {' '.join(words)}")


def attempts(message_id: str) -> list[dict[str, Any]]:
    """Return the spans of the mail's attempts that were received so far, in their order."""
    spans = [
        span
        for trace in httpx2.get(f"{SANDBOX}/traces", params={"limit": 20}).json()
        for span in httpx2.get(f"{SANDBOX}/traces/{trace['trace_id']}").json()["spans"]
        if span["name"] == SpanName.ATTEMPT and span["attributes"].get(Attribute.MESSAGE_ID) == message_id
    ]
    return sorted(spans, key=lambda span: int(span["attributes"][Attribute.ATTEMPT_NUMBER]))


def log_lines(trace_id: str) -> list[dict[str, Any]]:
    """Return the lines of both services that tell of a trace."""
    lines = run(*COMPOSE, "logs", "--no-log-prefix", "mail-api", "mail-exporter").stdout.splitlines()
    told = [json.loads(line) for line in lines if trace_id in line]
    return sorted((line for line in told if line["message"] in set(LogLine)), key=lambda line: str(line["time"]))


if __name__ == "__main__":
    sys.exit(main())
