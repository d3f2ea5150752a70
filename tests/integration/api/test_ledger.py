"""The API's data about mails of a real Postfix: status, quota, keys, idempotency."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.stack import RECIPIENT, Stack, until

SEEN_SECONDS = 2.0


@pytest.fixture(scope="module")
def key_header(stack: Stack) -> dict[str, str]:
    """Return the header with a key that was created while the API runs."""
    return stack.api_key("status")


def test_relayed(stack: Stack, subject: str, key_header: dict[str, str]) -> None:
    """The status of a relayed mail has the relay's reply and the trace id."""
    message_id = stack.send(subject, metadata={"form": "contact"})
    found = stack.status(message_id, "relayed")
    (recipient,) = found["recipients"]
    spans = stack.trace(message_id, until_named=("POST /send", "postfix deliver"))
    assert (recipient["recipient"], recipient["reply"][:12]) == ("r***@example.com", "250 2.0.0 OK")
    assert (found["trace_id"], found["attempts"]) == (spans[0]["trace_id"], 1)
    assert stack.look_up(f"/messages/{message_id}", key_header)["metadata"] == {"form": "contact"}
    assert found["created"] <= found["queued"] <= recipient["at"]


def test_deferred_then_relayed(stack: Stack, subject: str) -> None:
    """The status of a deferred mail has the cause and the next attempt, and later the number of attempts."""
    with stack.fault("refuse_connection"):
        message_id = stack.send(subject)
        waiting = stack.status(message_id, "deferred")
        assert (waiting["cause"], waiting["retry_can_succeed"]) == ("connect", True)
        assert waiting["next_step"]
        assert waiting["next_retry"]["earliest"] < waiting["next_retry"]["latest"] < waiting["gives_up_at"]
    assert stack.status(message_id, "relayed")["attempts"] > 1


def test_one_of_several_refused(stack: Stack, subject: str) -> None:
    """Each recipient has its own state, and the mail has the worst of them."""
    with stack.fault("unknown_recipient", recipient="gone@example.com"):
        message_id = stack.send(subject, to=[RECIPIENT, "gone@example.com"])
        found = stack.status(message_id, "bounced")
    states = {one["recipient"]: (one["state"], one["cause"]) for one in found["recipients"]}
    assert states == {"r***@example.com": ("relayed", None), "g***@example.com": ("bounced", "recipient")}


def test_outcome_within_two_seconds(stack: Stack, subject: str) -> None:
    """The ledger has a mail's outcome within two seconds of the relay's reply."""
    message_id = stack.send(subject)
    stack.received(subject)
    stack.status(message_id, "relayed", SEEN_SECONDS)


def test_quota_counts_mails_sent_by_smtp(stack: Stack, subject: str, key_header: dict[str, str]) -> None:
    """Mails that were not sent through the API count for the quota, under their own entry."""
    # A bounce of an earlier test is a local mail too.
    until("an empty queue", lambda: stack.look_up("/quota", key_header)["in_queue"] == 0)
    before = stack.look_up("/quota", key_header)["used_by_entry"]["local"]
    message = f"From: a@dinky.example\\nTo: {RECIPIENT}\\nSubject: {subject}\\n\\nHi"
    stack.execute("mail-server", "sh", "-c", f"printf '{message}\\n' | sendmail -i {RECIPIENT}")
    stack.received(subject)

    def counted() -> int | None:
        now = int(stack.look_up("/quota", key_header)["used_by_entry"]["local"])
        return now if now > before else None

    assert until("a higher quota", counted) == before + 1


def test_new_and_revoked_key(stack: Stack, subject: str, key_header: dict[str, str]) -> None:
    """A key is valid at once after its creation, and invalid after its revocation."""
    payload = {"to": "anybody@elsewhere.example", "subject": subject, "body": "Hello"}
    assert stack.post(payload).status_code == 403
    extra = stack.api_key("revoked")
    assert [stack.post(payload, **headers).status_code for headers in (key_header, extra)] == [200, 200]
    stack.execute("mail-api", "mail-ledger", "api-key", "revoke", "revoked")
    assert stack.post(payload, **extra).status_code == 401
    newest = stack.look_up("/messages?key=status&limit=1", key_header)["messages"][0]
    assert newest["key"] == "status"


def test_concurrent_requests_with_one_key(stack: Stack, subject: str) -> None:
    """Of concurrent requests with one Idempotency-Key one sends; the others get the same id or request_in_flight."""
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


def test_survives_a_restart(stack: Stack, subject: str, key_header: dict[str, str]) -> None:
    """Statuses, quota, keys and idempotency survive a restart of the API."""
    once = {"Idempotency-Key": subject}
    payload = {"to": RECIPIENT, "subject": subject, "body": "Hello"}
    message_id = stack.post(payload, **once).json()["id"]
    before = stack.status(message_id, "relayed")
    used = stack.look_up("/quota", key_header)["used"]
    stack.command("restart", "mail-api")
    stack.start()
    assert stack.look_up(f"/messages/{message_id}") == before
    assert stack.look_up("/quota", key_header)["used"] >= used
    replayed = stack.post(payload, **once)
    assert (replayed.json()["id"], replayed.headers["Idempotent-Replayed"]) == (message_id, "true")


def test_no_address_is_stored(stack: Stack, subject: str, key_header: dict[str, str]) -> None:
    """Addresses in the ledger are masked."""
    message_id = stack.send(subject, to="canary@example.com", metadata={"by": "canary@example.com"})
    stack.status(message_id, "relayed")
    assert "canary@" not in json.dumps(stack.look_up(f"/messages/{message_id}", key_header))
