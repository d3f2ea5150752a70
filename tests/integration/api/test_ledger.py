"""What the API tells about mails that a real Postfix handled: status, quota, keys, idempotency."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.stack import RECIPIENT, Stack, until

SEEN_SECONDS = 2.0


@pytest.fixture(scope="module")
def holder(stack: Stack) -> dict[str, str]:
    """Return the header of a key that was made while the API ran."""
    return stack.api_key("status")


def test_relayed(stack: Stack, subject: str, holder: dict[str, str]) -> None:
    """The status of a mail has the relay's own answer, its id of the mail in it, and the trace that it left."""
    message_id = stack.send(subject, metadata={"form": "contact"})
    found = stack.status(message_id, "relayed")
    (recipient,) = found["recipients"]
    spans = stack.trace(message_id, until_named=("POST /send", "postfix deliver"))
    assert (recipient["recipient"], recipient["reply"][:12]) == ("r***@example.com", "250 2.0.0 OK")
    assert (found["trace_id"], found["attempts"]) == (spans[0]["trace_id"], 1)
    assert stack.look_up(f"/messages/{message_id}", holder)["metadata"] == {"form": "contact"}
    assert found["created"] <= found["queued"] <= recipient["at"]


def test_deferred_then_relayed(stack: Stack, subject: str) -> None:
    """While it waits the status says why and until when; afterwards how often it was tried."""
    with stack.fault("refuse_connection"):
        message_id = stack.send(subject)
        waiting = stack.status(message_id, "deferred")
        assert (waiting["cause"], waiting["retry_can_succeed"]) == ("connect", True)
        assert waiting["next_step"]
        assert waiting["next_retry"]["earliest"] < waiting["next_retry"]["latest"] < waiting["gives_up_at"]
    assert stack.status(message_id, "relayed")["attempts"] > 1


def test_one_of_several_refused(stack: Stack, subject: str) -> None:
    """Each recipient has a state of its own; the mail's is the worst of them."""
    with stack.fault("unknown_recipient", recipient="gone@example.com"):
        message_id = stack.send(subject, to=[RECIPIENT, "gone@example.com"])
        found = stack.status(message_id, "bounced")
    states = {one["recipient"]: (one["state"], one["cause"]) for one in found["recipients"]}
    assert states == {"r***@example.com": ("relayed", None), "g***@example.com": ("bounced", "recipient")}


def test_soon(stack: Stack, subject: str) -> None:
    """The ledger knows a mail's end within two seconds of the relay's answer."""
    message_id = stack.send(subject)
    stack.received(subject)
    stack.status(message_id, "relayed", SEEN_SECONDS)


def test_quota_counts_what_came_by_smtp(stack: Stack, subject: str, holder: dict[str, str]) -> None:
    """Mail that did not come through the API uses the quota too, and is counted separately."""
    # A bounce that an earlier test caused writes a notice, which is a local mail as well.
    until("an empty queue", lambda: stack.look_up("/quota", holder)["in_queue"] == 0)
    before = stack.look_up("/quota", holder)["used_by_entry"]["local"]
    message = f"From: a@dinky.example\\nTo: {RECIPIENT}\\nSubject: {subject}\\n\\nHi"
    stack.execute("mail-server", "sh", "-c", f"printf '{message}\\n' | sendmail -i {RECIPIENT}")
    stack.received(subject)

    def counted() -> int | None:
        now = int(stack.look_up("/quota", holder)["used_by_entry"]["local"])
        return now if now > before else None

    assert until("a higher quota", counted) == before + 1


def test_key_reaches_strangers(stack: Stack, subject: str, holder: dict[str, str]) -> None:
    """A key that was made while the API runs is good at once, and worthless when it is revoked."""
    payload = {"to": "anybody@elsewhere.example", "subject": subject, "body": "Hello"}
    assert stack.post(payload).status_code == 403
    extra = stack.api_key("revoked")
    assert [stack.post(payload, **headers).status_code for headers in (holder, extra)] == [200, 200]
    stack.execute("mail-api", "mail-ledger", "api-key", "revoke", "revoked")
    assert stack.post(payload, **extra).status_code == 401
    newest = stack.look_up("/messages?key=status&limit=1", holder)["messages"][0]
    assert newest["key"] == "status"


def test_repeated_at_once(stack: Stack, subject: str) -> None:
    """Of many requests with one Idempotency-Key at the same time, one sends; all others read the same, or to wait."""
    payload = {"to": RECIPIENT, "subject": subject, "body": "Hello"}
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: stack.post(payload, **{"Idempotency-Key": subject}), range(16)))
    codes = {answer.json()["code"] for answer in answers}
    ids = {answer.json()["id"] for answer in answers if answer.status_code == 200}
    assert codes <= {"accepted", "request_in_flight"}
    assert len(ids) == 1
    stack.status(ids.pop(), "relayed")
    found = stack.http.get(stack.url(("sandbox-relay", 8080), "/messages"), params={"subject": subject}).json()
    assert len(found) == 1


def test_survives_a_restart(stack: Stack, subject: str, holder: dict[str, str]) -> None:
    """Statuses, quota, keys and idempotency are the same after the API was made anew."""
    once = {"Idempotency-Key": subject}
    payload = {"to": RECIPIENT, "subject": subject, "body": "Hello"}
    message_id = stack.post(payload, **once).json()["id"]
    before = stack.status(message_id, "relayed")
    used = stack.look_up("/quota", holder)["used"]
    stack.command("restart", "mail-api")
    stack.command("up", "--detach", "--wait")
    assert stack.look_up(f"/messages/{message_id}") == before
    assert stack.look_up("/quota", holder)["used"] >= used
    replayed = stack.post(payload, **once)
    assert (replayed.json()["id"], replayed.headers["Idempotent-Replayed"]) == (message_id, "true")


def test_no_address_is_stored(stack: Stack, subject: str, holder: dict[str, str]) -> None:
    """What the ledger tells has masked addresses only."""
    message_id = stack.send(subject, to="canary@example.com", metadata={"by": "canary@example.com"})
    stack.status(message_id, "relayed")
    assert "canary@" not in json.dumps(stack.look_up(f"/messages/{message_id}", holder))
