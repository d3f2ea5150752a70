"""`make demo-quota`: the relay's daily limit is used up: 429 from the API, a mail that waits, and its release.

The limit is 5 recipients and the day has 60 seconds. Everything else is as in production: Postfix, the log, the ledger
and the API; the sandbox has the same limit in Gmail's place.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

import httpx2

from dev.demo.services import API, SANDBOX, Json, explain, find_mail, metric, post, switch_off_faults
from dev.demo.stack import COMPOSE, DemoFailed, heading, indented, refuse_other_stacks, run, start, wait_for

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
"""Postfix retries every two to four seconds here, and the ledger has the result a second later."""

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
"""Sends a mail to port 25 without the API, as any container on the network may."""


class Answer(NamedTuple):
    """The API's answer to POST /send."""

    status: int
    body: Json
    retry_after: int | None


def demo() -> None:
    """Use up a small limit, show what is refused and what waits, and see the waiting mail leave."""
    refuse_other_stacks()
    with small_limit():
        fill()
        refused = refuse()
        queue_id = wait_in_queue()
        release(queue_id)
        send_refused_form_again(refused)
    print("\nThe demo still runs, with its usual limit: make demo, make demo-down")


@contextmanager
def small_limit() -> Iterator[None]:
    """Run the demo with a small limit in a short window, in the stack and at the relay; restore both afterwards."""
    heading(f"Starting with a limit of {LIMIT} recipients in {WINDOW_SECONDS} s (in production: 500 in 24 hours)")
    os.environ.update(SETTINGS)
    try:
        start()
        switch_off_faults()
        wait_for("an empty window", lambda: quota("used") + quota("in_queue") == 0 or None, WINDOW_SECONDS + 15)
        set_relay_limit(limit=LIMIT, window_seconds=WINDOW_SECONDS, used=0)
        yield
    finally:
        for name in SETTINGS:
            del os.environ[name]
        heading("Back to the usual limit")
        # First: if the start failed, the error to see is Compose's, and not that of a request to the relay.
        start(build=False)
        set_relay_limit(**USUAL_LIMIT, used=0)


def fill() -> None:
    """Send as many mails as the limit allows."""
    heading(f"{LIMIT} contact forms: POST {API}/send")
    for number in range(LIMIT):
        answer = send_form(f"Form {number + 1}")
        if answer.status != httpx2.codes.OK:
            raise DemoFailed(f"form {number + 1} was answered {answer.status}: {answer.body}")
        print(f"  {answer.status} {answer.body['message']}")
    wait_for("the last of them at the relay", lambda: quota("used") == LIMIT or None)
    if not metric("mail_quota_exhausted"):
        raise DemoFailed("the limit is used up, and mail_quota_exhausted is 0")
    show_quota()


def refuse() -> Answer:
    """Send one more through the API, and return its answer 429."""
    heading("One more: the API answers 429 with Retry-After, instead of taking a mail that cannot leave")
    answer = send_form("Form too many")
    print(f"  {answer.status} {json.dumps(answer.body)}\n  Retry-After: {answer.retry_after}")
    if (answer.status, answer.body.get("code")) != (httpx2.codes.TOO_MANY_REQUESTS, "quota_exhausted"):
        raise DemoFailed(f"expected 429 quota_exhausted, got {answer.status}")
    if answer.retry_after is None or not 0 < answer.retry_after <= WINDOW_SECONDS:
        raise DemoFailed(f"Retry-After {answer.retry_after} is not within the window of {WINDOW_SECONDS} s")
    return answer


def wait_in_queue() -> str:
    """Send a mail to port 25, past the API; return its queue id once it waits in the queue."""
    heading("Another container sends by SMTP, past the API: its mail waits in the queue and does not bounce")
    sent = run(*COMPOSE, "exec", "--no-TTY", "mail-exporter", "python3", "-c", SEND_BY_SMTP)
    print(f"  {sent.stdout.strip()}")
    if sent.returncode != 0 or "queued as" not in sent.stdout:
        raise DemoFailed(f"the mail server did not accept the mail: {sent.stdout}{sent.stderr}")
    queue_id = sent.stdout.split()[-1]
    wait_for("the relay's refusal", lambda: metric("postfix_queue_deferred_messages", cause="quota") == 1 or None)
    print(indented(explanation(queue_id)))
    show_quota()
    return queue_id


def release(queue_id: str) -> None:
    """Wait until the first recipient leaves the window, and see the waiting mail leave the queue."""
    seconds = max(metric("mail_quota_next_release_timestamp_seconds") - time.time(), 0.0)
    heading(f"The first of the {LIMIT} leaves the window in {seconds:.0f} s; until then nothing is done")
    bounces_before = bounces()
    began = time.monotonic()
    mail = wait_for("the waiting mail at the relay", lambda: find_mail(subject=ALERT), seconds + SLACK_SECONDS)
    waited = time.monotonic() - began
    if waited < seconds - 1:
        raise DemoFailed(f"it left after {waited:.0f} s, before the limit had room")
    print(f"  after {waited:.0f} s: to {', '.join(mail['recipients'])}, Subject: {ALERT}")
    wait_for("its last line in the ledger", lambda: "1 sent" in explanation(queue_id) or None)
    print(indented("\n".join(line for line in explanation(queue_id).splitlines() if line.startswith("state"))))
    if bounces() != bounces_before:
        raise DemoFailed("Postfix wrote a bounce; see `docker logs mail-server`")


def send_refused_form_again(refused: Answer) -> None:
    """Send the refused form again, as a caller does that respects Retry-After."""
    heading(f"The caller sends again after Retry-After ({refused.retry_after} s)")
    answer = wait_for("an answer 200", lambda: accepted("Form too many"), SLACK_SECONDS)
    print(f"  {answer.status} {answer.body['message']}")


def accepted(subject: str) -> Answer | None:
    """Send, and return the answer if the mail was accepted; otherwise wait for Retry-After and return None."""
    answer = send_form(subject)
    if answer.status == httpx2.codes.OK:
        return answer
    time.sleep(min(answer.retry_after or 1, SLACK_SECONDS))
    return None


def send_form(subject: str) -> Answer:
    """Post a contact form."""
    response = post(subject)
    after = response.headers.get("Retry-After")
    return Answer(response.status_code, response.json(), None if after is None else int(after))


def set_relay_limit(**parts: int) -> None:
    """Change the limit of the sandbox, which stands for Gmail's."""
    httpx2.put(f"{SANDBOX}/limit", json=parts).raise_for_status()


def explanation(queue_id: str) -> str:
    """Return the exporter's explanation of a mail, without the drawing of its trace."""
    return explain(queue_id).partition("\n\n")[0]


def bounces() -> float:
    """Return how many bounces Postfix has written since the exporter started."""
    return metric("postfix_notices_total", kind="failure")


def show_quota() -> None:
    """Print the exporter's quota metrics."""
    for name in ("used", "remaining", "in_queue"):
        print(f"  mail_quota_{name}_recipients  {quota(name):g}")


def quota(name: str) -> float:
    """Return one of the quota's amounts, in recipients."""
    return metric(f"mail_quota_{name}_recipients")
