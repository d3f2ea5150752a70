"""Live queue, from `postqueue -j`."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mail_exporter.collectors.queue import (
    QueuedMail,
    QueueUnavailable,
    parse_queue_line,
    queue_metrics,
    read_queue,
)

NOW = 1763800100.0
REFUSED = "connect to x[1.2.3.4]:587: Connection refused"


def line(queue: str = "deferred", **recipient: str) -> bytes:
    """Return the line of one mail."""
    mail = {"queue_name": queue, "queue_id": "4jXS", "arrival_time": 1763800000, "message_size": 368, "sender": "a@b"}
    return json.dumps(mail | {"recipients": [{"address": "c@d", **recipient}]}).encode()


@contextmanager
def server(*answers: bytes) -> Iterator[int]:
    """Send a response to one client, and yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            client, _ = listener.accept()
            with client:
                for part in answers:
                    client.sendall(part)

        thread = threading.Thread(target=answer)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize("name", ["delay_reason", "bounce_reason", "other_reason"])
def test_line(name: str) -> None:
    """The reason is read under each of its names (Postfix 3.11 has three)."""
    assert parse_queue_line(line(**{name: REFUSED})) == QueuedMail("deferred", "4jXS", 1763800000, 368, REFUSED)


def test_mail_that_was_never_tried() -> None:
    """A mail without a reason has none."""
    assert parse_queue_line(line("active")).reason is None


def test_read() -> None:
    """The listing is read in pieces of any size."""
    whole = line() + b"\n" + line("hold") + b"\n"
    with server(whole[:50], whole[50:]) as port:
        assert [mail.queue for mail in read_queue("127.0.0.1", port, 5)] == ["deferred", "hold"]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"postqueue: fatal: no such thing\n", id="text"),
        pytest.param(b'{"queue_name": "deferred"}\n', id="missing field"),
        pytest.param(b"[]\n", id="not an object"),
        pytest.param(line()[:40], id="incomplete line"),
        pytest.param(b'{"queue_name": "x", "queue_id": "y", "arrival_time": "soon"}\n', id="no time"),
    ],
)
def test_no_listing(answer: bytes) -> None:
    """A response that is not a listing raises an error."""
    with server(answer) as port, pytest.raises(QueueUnavailable, match=r"cannot read the queue at 127\.0\.0\.1"):
        read_queue("127.0.0.1", port, 5)


def test_unreachable() -> None:
    """The error for an unreachable server has its name and port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(QueueUnavailable, match=f":{port}: .*refused"):
        read_queue("127.0.0.1", port, 5)


def test_metrics() -> None:
    """Messages, bytes and oldest age by queue and by cause; empty ones are 0."""
    queue = [
        QueuedMail("deferred", "A", NOW - 100, 10, REFUSED),
        QueuedMail("deferred", "B", NOW - 50, 20, REFUSED),
        QueuedMail("active", "C", NOW + 5, 30, None),
        QueuedMail("a queue of the future", "D", NOW, 40, None),
    ]
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in queue_metrics(queue, NOW)
        for sample in family.samples
    }
    assert found["postfix_queue_messages", "deferred"] == 2
    assert found["postfix_queue_size_bytes", "deferred"] == 30
    assert found["postfix_queue_oldest_message_age_seconds", "deferred"] == 100
    assert found["postfix_queue_oldest_message_age_seconds", "active"] == 0
    assert found["postfix_queue_messages", "hold"] == 0
    assert found["postfix_queue_deferred_messages", "connect"] == 2
    assert found["postfix_queue_deferred_size_bytes", "connect"] == 30
    assert found["postfix_queue_deferred_oldest_message_age_seconds", "connect"] == 100
    assert found["postfix_queue_deferred_messages", "quota"] == 0


@pytest.mark.slow
def test_large_queue_adds_no_series() -> None:
    """A large queue has as many time series as an empty one."""
    queue = [QueuedMail("deferred", f"Q{n}", NOW - n, 10, f"{REFUSED} {n}") for n in range(50_000)]
    assert [len(family.samples) for family in queue_metrics(queue, NOW)] == [
        len(family.samples) for family in queue_metrics([], NOW)
    ]
