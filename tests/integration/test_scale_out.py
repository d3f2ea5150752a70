"""Two machines, each with mail server, API and exporter, on one PostgreSQL: one quota, and statuses from both."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from httpx2 import Response

from mail_ledger.api_ledger import ApiLedger
from mail_ledger.status import MessageStatus, State
from tests.integration.stack import API, EXPORTER, RECIPIENT, SANDBOX, Json, Stack, until

APIS = (API, ("mail-api-2", 20001))
EXPORTERS = (EXPORTER, ("mail-exporter-2", 9154))
SERVERS = ("mail.dinky.example", "mail.second.example")
TWO_RECIPIENTS = ("anna@example.com", "berta@example.com")


@pytest.fixture(scope="module")
def machines() -> Iterator[Stack]:
    """Return both machines, which start at the same time on an empty database."""
    with Stack("scale").running() as running:
        yield running


@pytest.fixture
def ledger(machines: Stack) -> Iterator[ApiLedger]:
    """Return the ledger of both machines."""
    address = machines.url(("postgres", 5432)).removeprefix("http://")
    opened = ApiLedger.open(f"postgresql+psycopg://ledger:sandbox@{address}/ledger")
    yield opened
    opened.close()


def send(machines: Stack, number: int, subject: str, *recipients: str) -> str:
    """Send a mail through the API of the first (0) or second machine, and return its id."""
    payload = {"to": list(recipients), "subject": subject, "body": "Hello"}
    response = machines.http.post(machines.url(APIS[number], "/send"), json=payload)
    assert response.status_code == 200, response.text
    return str(response.json()["id"])


def quota(machines: Stack, name: str) -> tuple[float, ...]:
    """Return the quota that each exporter exposes."""
    return tuple(machines.value(exporter, f"mail_quota_{name}_recipients") for exporter in EXPORTERS)


def wait_for_state(ledger: ApiLedger, message_id: str, state: State) -> MessageStatus:
    """Wait until a mail is in that state."""

    def look() -> MessageStatus | None:
        status = ledger.statuses.get(message_id)
        return status if status is not None and status.state is state else None

    return until(f"{message_id} {state}", look)


def test_one_quota_and_statuses_from_both(machines: Stack, ledger: ApiLedger, subject: str) -> None:
    """Recipients of both mail servers count for one quota, and a status names the mail server."""
    (used, _) = quota(machines, "used")
    ids = [send(machines, 0, subject, RECIPIENT), send(machines, 1, subject, *TWO_RECIPIENTS)]
    statuses = [wait_for_state(ledger, message_id, State.RELAYED) for message_id in ids]
    assert tuple(status.message.server for status in statuses if status.message) == SERVERS
    assert {status.message.host for status in statuses if status.message} == {"mail"}
    until("the same quota on both", lambda: quota(machines, "used") == (used + 3, used + 3))


def test_open_mails_stay_with_their_server(machines: Stack, ledger: ApiLedger, subject: str) -> None:
    """A deferred mail belongs to the exporter of its own machine; a restart of the other one changes nothing."""
    with machines.fault("refuse_connection"):
        message_id = send(machines, 1, subject, RECIPIENT)
        wait_for_state(ledger, message_id, State.DEFERRED)
        machines.command("restart", "mail-exporter")
        machines.start()
        assert [machines.value(exporter, "mail_exporter_open_mails") for exporter in EXPORTERS] == [0, 1]
        assert quota(machines, "in_queue") == (1, 1)
    assert wait_for_state(ledger, message_id, State.RELAYED).attempts > 1
    assert [machines.value(exporter, "mail_exporter_log_gaps_total") for exporter in EXPORTERS] == [0, 0]


def test_explain_a_mail_of_the_other_machine(machines: Stack, ledger: ApiLedger, subject: str) -> None:
    """`explain` prints a mail of either machine, and reads the queue only for its own machine."""
    with machines.fault("refuse_connection"):
        message_id = send(machines, 1, subject, RECIPIENT)
        wait_for_state(ledger, message_id, State.DEFERRED)
        here, there = (
            machines.execute(service, "mail-exporter", "explain", message_id)
            for service in ("mail-exporter-2", "mail-exporter")
        )
    assert "at mail.second.example, entry api" in there
    assert "in the queue, according to the log" in there
    assert "in the queue, deferred" in here or "in the queue, active" in here


def test_idempotency_on_both_machines(machines: Stack, subject: str) -> None:
    """Of concurrent requests with one key at both APIs, exactly one sends."""
    payload = {"to": RECIPIENT, "subject": subject, "body": "Hello"}

    def post(number: int) -> Response:
        url = machines.url(APIS[number % 2], "/send")
        return machines.http.post(url, json=payload, headers={"Idempotency-Key": subject})

    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(post, range(16)))
    assert {answer.json()["code"] for answer in answers} <= {"accepted", "request_in_flight"}
    ids = {answer.json()["id"] for answer in answers if answer.status_code == 200}
    replayed = [post(number) for number in range(2)]
    assert {answer.headers["Idempotent-Replayed"] for answer in replayed} == {"true"}
    assert {answer.json()["id"] for answer in replayed} == ids
    machines.received(subject)
    found = machines.http.get(machines.url(SANDBOX, "/messages"), params={"subject": subject}).json()
    assert len(found) == 1


def test_both_apis_have_the_same_data(machines: Stack, subject: str) -> None:
    """A key of one machine is valid on the other, which returns the same statuses and quota."""
    holder = machines.api_key("scale")
    ids = [send(machines, number, subject, RECIPIENT) for number in range(2)]

    def ask(number: int, path: str) -> Json:
        found: Json = machines.http.get(machines.url(APIS[number], path), headers=holder).raise_for_status().json()
        return found

    until("both relayed", lambda: {ask(n, f"/messages/{ids[1 - n]}")["state"] for n in range(2)} == {"relayed"})
    until("the same quota", lambda: ask(0, "/quota")["used"] == ask(1, "/quota")["used"])
    listed = [[one["id"] for one in ask(number, "/messages?limit=2")["messages"]] for number in range(2)]
    assert listed == [ids[::-1]] * 2
