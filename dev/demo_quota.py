"""`make demo-quota`: the relay's daily limit is used up; who is told, what waits, and how it goes on.

The day has a minute here, and the limit is small. Everything else is as in production: Postfix, the sandbox in Gmail's
place with the same limit, the log, the ledger, the API.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from dev.demo import (
    API,
    COMPOSE,
    METRICS,
    SANDBOX,
    SEED_EXAMPLE,
    DemoFailed,
    compose,
    heading,
    indented,
    refuse_foreign_containers,
    refuse_taken_ports,
    run,
    switch_off_faults,
    wait_for,
)

LIMIT: Final = 5
WINDOW_SECONDS: Final = 60
SETTINGS: Final = {
    "SMTP_RELAY_DAILY_LIMIT": str(LIMIT),
    "QUOTA_WINDOW_SECONDS": str(WINDOW_SECONDS),
    "QUOTA_RESERVE": "0",
    "RATE_LIMIT": "off",
}
USUAL_LIMIT: Final = {"limit": 500, "window_seconds": 86400}
SLACK_SECONDS: Final = 15.0
"""Postfix tries again every two to four seconds here, and the ledger knows a second later."""

ALERT: Final = f"Disk almost full, {time.strftime('%H:%M:%S')}"
SEND_BY_SMTP: Final = f"""
import smtplib
with smtplib.SMTP("mail-server", 25, timeout=20) as client:
    client.ehlo()
    client.mail("monitoring@dinky.example")
    client.rcpt("owner@inbox.example")
    code, words = client.data("Subject: {ALERT}\\r\\n\\r\\n95 % used.\\r\\n")
print(code, words.decode())
"""
"""What any container on the network may do: hand a mail to port 25, past the API."""


class Answer(NamedTuple):
    """What POST /send said."""

    status: int
    body: dict[str, Any]
    retry_after: int | None


def main() -> int:
    """Tell the story; return the exit status."""
    try:
        refuse_foreign_containers()
        refuse_taken_ports()
        with shortened_day():
            fill()
            refused = refuse()
            queue_id = wait_in_queue()
            release(queue_id)
            admit_again(refused)
    except (DemoFailed, httpx2.HTTPError) as failure:
        print(f"\ndemo-quota: {failure}", file=sys.stderr)
        return 1
    print("\nAll of it happened. The demo runs on with its usual limit: make demo, make demo-down")
    return 0


@contextmanager
def shortened_day() -> Iterator[None]:
    """Run the demo with a small limit in a short window, here and at the relay; put both back afterwards."""
    heading(f"Starting with a limit of {LIMIT} recipients in {WINDOW_SECONDS} s (in production: 500 in 24 hours)")
    os.environ.update(SETTINGS)
    try:
        compose("up", "--detach", "--build", "--wait", "--quiet-pull")
        switch_off_faults()
        wait_for("an empty window", lambda: metric("used") + metric("in_queue") == 0 or None, WINDOW_SECONDS + 15)
        set_relay_limit(limit=LIMIT, window_seconds=WINDOW_SECONDS, used=0)
        yield
    finally:
        for name in SETTINGS:
            del os.environ[name]
        heading("Back to the usual limit")
        # First, so that a start that failed is told in Compose's words, and not as a relay that nobody reaches.
        compose("up", "--detach", "--wait", "--quiet-pull")
        set_relay_limit(**USUAL_LIMIT, used=0)


def fill() -> None:
    """Send as many mails as the limit has."""
    heading(f"{LIMIT} contact forms: POST {API}/send")
    for number in range(LIMIT):
        answer = send(f"Form {number + 1}")
        if answer.status != httpx2.codes.OK:
            raise DemoFailed(f"form {number + 1} was answered {answer.status}: {answer.body}")
        print(f"  {answer.status} {answer.body['message']}")
    wait_for("the last of them at the relay", lambda: metric("used") == LIMIT or None)
    if not metric_named("mail_quota_exhausted"):
        raise DemoFailed("the limit is used up, and mail_quota_exhausted is 0")
    show_quota()


def refuse() -> Answer:
    """Send one more through the API, which says when to come again."""
    heading("One more: the API says when to come again, instead of taking what can't leave")
    answer = send("Form too many")
    print(f"  {answer.status} {json.dumps(answer.body)}\n  Retry-After: {answer.retry_after}")
    if (answer.status, answer.body.get("code")) != (httpx2.codes.TOO_MANY_REQUESTS, "quota_exhausted"):
        raise DemoFailed(f"it should have been refused with 429 quota_exhausted, and was answered {answer.status}")
    if answer.retry_after is None or not 0 < answer.retry_after <= WINDOW_SECONDS:
        raise DemoFailed(f"Retry-After {answer.retry_after} is not within the window of {WINDOW_SECONDS} s")
    return answer


def wait_in_queue() -> str:
    """Hand a mail to port 25, past the API; return its queue id once it waits in the queue."""
    heading(
        "Another container sends by SMTP, which can't be refused so: its mail waits in the queue and does not bounce"
    )
    sent = run(*COMPOSE, "exec", "--no-TTY", "mail-exporter", "python3", "-c", SEND_BY_SMTP)
    print(f"  {sent.stdout.strip()}")
    if sent.returncode != 0 or "queued as" not in sent.stdout:
        raise DemoFailed(f"the mail server did not take the mail: {sent.stdout}{sent.stderr}")
    queue_id = sent.stdout.split()[-1]
    wait_for(
        "the relay's refusal",
        lambda: metric_named("postfix_queue_deferred_messages", cause="quota") == 1 or None,
    )
    print(indented(explained(queue_id)))
    show_quota()
    return queue_id


def release(queue_id: str) -> None:
    """Wait until the first recipient leaves the window, and see the waiting mail leave by itself."""
    seconds = max(metric_named("mail_quota_next_release_timestamp_seconds") - time.time(), 0.0)
    heading(f"The first of the {LIMIT} leaves the window in {seconds:.0f} s; nobody does anything until then")
    bounces_before = bounces()
    began = time.monotonic()
    mail = wait_for("the waiting mail at the relay", find_alert, seconds + SLACK_SECONDS)
    waited = time.monotonic() - began
    if waited < seconds - 1:
        raise DemoFailed(f"it left after {waited:.0f} s, before there was room")
    print(f"  after {waited:.0f} s: to {', '.join(mail['recipients'])}, Subject: {ALERT}")
    wait_for("its last line in the ledger", lambda: "1 sent" in explained(queue_id) or None)
    print(indented("\n".join(line for line in explained(queue_id).splitlines() if line.startswith("state"))))
    if bounces() != bounces_before:
        raise DemoFailed("Postfix wrote a bounce; see `docker logs mail-server`")


def admit_again(refused: Answer) -> None:
    """Send the refused form again, as a caller does who heeds Retry-After."""
    heading(f"The caller comes again, as Retry-After said ({refused.retry_after} s)")
    answer = wait_for("an answer 200", lambda: accepted("Form too many"), SLACK_SECONDS)
    print(f"  {answer.status} {answer.body['message']}")


def accepted(subject: str) -> Answer | None:
    """Send, and return the answer if the mail was taken; otherwise wait as long as the API says."""
    answer = send(subject)
    if answer.status == httpx2.codes.OK:
        return answer
    time.sleep(min(answer.retry_after or 1, SLACK_SECONDS))
    return None


def send(subject: str) -> Answer:
    """Post a contact form."""
    response = httpx2.post(f"{API}/send", json={**SEED_EXAMPLE, "subject": subject}, timeout=30)
    after = response.headers.get("Retry-After")
    return Answer(response.status_code, response.json(), None if after is None else int(after))


def set_relay_limit(**parts: int) -> None:
    """Change the limit of the sandbox, which stands for Gmail's."""
    httpx2.put(f"{SANDBOX}/limit", json=parts).raise_for_status()


def find_alert() -> dict[str, Any] | None:
    """Return the mail that was sent by SMTP in this run, once the relay has it."""
    found: list[dict[str, Any]] = httpx2.get(f"{SANDBOX}/messages", params={"subject": ALERT}).json()
    return found[0] if found else None


def explained(queue_id: str) -> str:
    """Return what the exporter tells of a mail, without the drawing of its trace."""
    told = run(*COMPOSE, "exec", "--no-TTY", "mail-exporter", "mail-exporter", "explain", queue_id)
    return told.stdout.partition("\n\n")[0]


def bounces() -> float:
    """Return how many bounces Postfix has written since the exporter started."""
    return metric_named("postfix_notices_total", kind="failure")


def show_quota() -> None:
    """Print what the exporter says of the quota."""
    for name in ("used", "remaining", "in_queue"):
        print(f"  mail_quota_{name}_recipients  {metric(name):g}")


def metric(name: str) -> float:
    """Return one of the quota's amounts."""
    return metric_named(f"mail_quota_{name}_recipients")


def metric_named(name: str, **labels: str) -> float:
    """Return a sample of the exporter's.

    Raises:
        DemoFailed: it is not there.
    """
    for family in text_string_to_metric_families(httpx2.get(METRICS["mail-exporter"]).text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return float(sample.value)
    raise DemoFailed(f"mail-exporter has no {name}; see `docker logs mail-exporter`")


if __name__ == "__main__":
    sys.exit(main())
