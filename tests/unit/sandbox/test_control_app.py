"""JSON API of the sandbox's control page."""

import httpx2
import pytest

from mail_sandbox.faults import FaultName
from mail_sandbox.gmail_headers import Arrival
from mail_sandbox.inbox import ReceivedMail, receive
from mail_sandbox.spans import Span
from mail_sandbox.state import Sandbox

CONTENT = (
    b"From: Joe <joe@x.example>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@x.example>\r\n"
    b"Content-Type: text/html\r\n\r\n<b>Hi</b>\r\n"
)


@pytest.fixture
def mail(sandbox: Sandbox) -> ReceivedMail:
    """Store a mail in the inbox, and return it."""
    arrival = Arrival(
        "me@gmail.example", "abc.1", "mail", "192.0.2.1", "version=TLSv1.3", ("a@b.example",), 1_763_800_000.25
    )
    mail = receive(CONTENT, sender="joe@x.example", arrival=arrival, tls_version="TLSv1.3")
    sandbox.inbox.add(mail)
    return mail


async def test_a_mail_in_json(control: httpx2.AsyncClient, mail: ReceivedMail) -> None:
    """A mail is returned with its headers as sent and as delivered."""
    (found,) = (await control.get("/messages")).json()
    assert found == (await control.get(f"/messages/{mail.id}")).json()
    delivered = found.pop("delivered_headers")
    assert ["X-Google-Original-From", "Joe <joe@x.example>"] in delivered
    assert found == {
        "id": mail.id,
        "received_at": "2025-11-22T08:26:40.250Z",
        "session": "abc.1",
        "account": "me@gmail.example",
        "tls_version": "TLSv1.3",
        "sender": "joe@x.example",
        "recipients": ["a@b.example"],
        "subject": "Grüße",
        "message_id": "<1@x.example>",
        "headers": [
            ["From", "Joe <joe@x.example>"],
            ["Subject", "=?utf-8?q?Gr=C3=BC=C3=9Fe?="],
            ["Message-ID", "<1@x.example>"],
            ["Content-Type", "text/html"],
        ],
        "text": "",
        "html": "<b>Hi</b>\r\n",
        "attachments": [],
        "size": len(CONTENT),
    }


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"to": "a@b.example"}, 1),
        ({"to": "x@b.example"}, 0),
        ({"subject": "grü"}, 1),
        ({"message_id": "<1@x.example>"}, 1),
        ({"message_id": "2@x.example"}, 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else str(value),
)
@pytest.mark.usefixtures("mail")
async def test_mails_are_filtered(control: httpx2.AsyncClient, query: dict[str, str], count: int) -> None:
    """Mails are filtered by recipient, subject or Message-ID."""
    assert len((await control.get("/messages", params=query)).json()) == count


async def test_a_mails_bytes(control: httpx2.AsyncClient, mail: ReceivedMail) -> None:
    """The raw mail is returned as received, or as delivered on request, as a file that no browser renders."""
    raw = await control.get(f"/messages/{mail.id}/raw")
    assert raw.content == CONTENT
    assert raw.headers["content-type"] == "message/rfc822"
    assert raw.headers["content-disposition"].startswith("attachment")
    delivered = await control.get(f"/messages/{mail.id}/raw", params={"version": "delivered"})
    assert delivered.content == mail.delivered


@pytest.mark.parametrize("path", ["", "/raw", "/view"], ids=["json", "raw", "view"])
async def test_unknown_mail(control: httpx2.AsyncClient, path: str) -> None:
    """An unknown id is answered 404 with the path of the list."""
    answer = await control.get(f"/messages/none{path}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "no mail of that id; /messages lists them"})


@pytest.mark.usefixtures("mail")
async def test_mails_are_deleted(control: httpx2.AsyncClient) -> None:
    """DELETE empties the inbox; /health still counts the deleted mails."""
    assert (await control.delete("/messages")).status_code == 204
    assert (await control.get("/messages")).json() == []
    assert (await control.get("/health")).json()["messages"] == 1


async def test_faults_are_switched(control: httpx2.AsyncClient) -> None:
    """The list of faults has those that are on, with their parameters, and all possible ones."""
    answer = await control.put("/faults/slow", json={"seconds": 2, "at": "rcpt"})
    assert answer.json() == {"name": "slow", "at": "rcpt", "seconds": 2}
    assert (await control.put("/faults/content")).json() == {"name": "content", "at": "end"}
    listed = (await control.get("/faults")).json()
    assert [fault["name"] for fault in listed["active"]] == ["slow", "content"]
    assert [fault["name"] for fault in listed["known"]] == list(FaultName)
    await control.delete("/faults/slow")
    assert len((await control.get("/faults")).json()["active"]) == 1
    await control.delete("/faults")
    assert (await control.get("/faults")).json()["active"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "problem"),
    [
        ("PUT", "/faults/rain", None, "no fault is called 'rain'; there are refuse_connection, "),
        ("DELETE", "/faults/rain", None, "no fault is called 'rain'"),
        ("PUT", "/faults/slow", {}, "slow needs seconds"),
        ("PUT", "/faults/slow", {"secs": 1}, "secs: Extra inputs are not permitted"),
        ("PUT", "/faults/slow", {"seconds": "a while"}, "seconds: Input should be a valid number"),
        ("PUT", "/faults/content", {"seconds": 1}, "content takes count, not 'seconds'"),
        ("PUT", "/limit", {"limit": -1}, "limit: Input should be greater than or equal to 0"),
        ("PUT", "/limit", {"at": "rcpt"}, "at: Input should be 'mail' or 'end'"),
    ],
    ids=["unknown", "unknown off", "missing", "misspelt", "no number", "parameter of another fault", "limit", "stage"],
)
async def test_bad_requests_are_explained(
    control: httpx2.AsyncClient, method: str, path: str, body: dict[str, object] | None, problem: str
) -> None:
    """An invalid value is answered 400 with the possible values."""
    answer = await control.request(method, path, json=body)
    assert answer.status_code == 400
    assert problem in answer.json()["detail"]


async def test_the_limit_is_read_and_set(control: httpx2.AsyncClient) -> None:
    """The limit can be changed in whole or in part."""
    assert (await control.get("/limit")).json() == {
        "limit": 5,
        "window_seconds": 100,
        "at": "end",
        "used": 0,
        "remaining": 5,
        "next_release": None,
    }
    answer = await control.put("/limit", json={"limit": 500, "window_seconds": 60, "used": 499})
    assert answer.json() == {
        "limit": 500,
        "window_seconds": 60,
        "at": "end",
        "used": 499,
        "remaining": 1,
        "next_release": "2025-11-22T08:27:40.000Z",
    }


async def test_traces(control: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    """Traces are returned as a list, one by one, and as a drawing."""
    trace_id = "a" * 32
    sandbox.spans.add(Span(trace_id, "b" * 16, "mail", 1_000_000_000, 1_002_000_000, service="mail-exporter"))
    (listed,) = (await control.get("/traces")).json()
    assert listed == {
        "trace_id": trace_id,
        "root": "mail",
        "span_count": 1,
        "services": ["mail-exporter"],
        "started_at": "1970-01-01T00:00:01.000Z",
        "duration_seconds": 0.002,
        "errors": 0,
        "duplicates": 0,
    }
    whole = (await control.get(f"/traces/{trace_id}")).json()
    assert whole["spans"] == [
        {
            "name": "mail",
            "kind": "internal",
            "span_id": "b" * 16,
            "parent_span_id": "",
            "start_time_unix_nano": 1_000_000_000,
            "end_time_unix_nano": 1_002_000_000,
            "service": "mail-exporter",
            "attributes": {},
            "events": [],
            "links": [],
            "status": {"code": "unset", "message": ""},
        }
    ]
    tree = await control.get(f"/traces/{trace_id}/tree")
    assert tree.headers["content-type"].startswith("text/plain")
    assert tree.text == "mail  mail-exporter  +0 ms  2.0 ms\n"
    assert (await control.delete("/traces")).status_code == 204
    assert (await control.get(f"/traces/{trace_id}")).status_code == 404


async def test_health(control: httpx2.AsyncClient) -> None:
    """/health answers 200 even while a fault has closed the ports."""
    await control.put("/faults/refuse_connection")
    answer = await control.get("/health")
    assert (answer.status_code, answer.json()["status"], answer.json()["listening"]) == (200, "ok", False)
    await control.delete("/faults")


async def test_attempts_are_deleted(control: httpx2.AsyncClient) -> None:
    """DELETE removes all delivery attempts."""
    assert (await control.delete("/attempts")).status_code == 204
    assert (await control.get("/attempts")).json() == []
