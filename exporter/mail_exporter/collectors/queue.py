"""Queue metrics, from the output of `postqueue -j` on a TCP port: one JSON object per mail (postqueue(1))."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from prometheus_client.core import Metric

from mail_exporter.collectors import gauges
from mail_telemetry.cause_rules import built_in_classifier
from mail_telemetry.causes import Cause
from mail_telemetry.metrics import MetricDescription, exporter

QUEUES: Final = ("maildrop", "incoming", "active", "deferred", "hold")
_LARGEST_LISTING: Final = 1 << 27
"""Bytes; about 400,000 mails. A longer listing is cut within a line, so that reading it fails."""


CauseOf = Callable[[str, str], Cause]
"""From the text and the enhanced status code of a failed attempt to its cause."""


class QueuedMail(NamedTuple):
    """One mail in the queue; `arrived` is in Unix seconds."""

    queue: str
    queue_id: str
    arrived: float
    size: int
    reason: str | None
    """The failure text of the first recipient's last attempt; None before the first attempt."""


class QueueUnavailable(ConnectionError):
    """The mail server's queue listing could not be read."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"cannot read the queue at {host}:{port}: {reason}")
        self.host = host
        self.port = port


def read_queue(host: str, port: int, timeout: float) -> list[QueuedMail]:
    """Return the mails that are in the queue now.

    Args:
        host: the mail server on the internal network.
        port: its queue port.
        timeout: seconds for the whole.

    Raises:
        QueueUnavailable: there is no response in time, or the response is no queue listing.
    """
    deadline = time.monotonic() + timeout
    listing = bytearray()
    try:
        with socket.create_connection((host, port), timeout) as connection:
            while len(listing) < _LARGEST_LISTING and (chunk := connection.recv(1 << 16)):
                listing += chunk
                connection.settimeout(max(0.01, deadline - time.monotonic()))
        return [parse_queue_line(line) for line in listing.splitlines()]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise QueueUnavailable(host, port, str(error) or type(error).__name__) from error


def parse_queue_line(line: bytes | bytearray) -> QueuedMail:
    """Parse one line. Postfix 3.11 has further names for the reason when a mail is about to be returned.

    {"queue_name": "deferred", "queue_id": "4jXS...", "arrival_time": 1763800000, "message_size": 368,
     "sender": "a@b", "recipients": [{"address": "c@d", "delay_reason": "connect to ...: Connection refused"}]}

    Raises:
        ValueError, LookupError, TypeError, AttributeError: the line has another format.
    """
    mail: dict[str, Any] = json.loads(line)
    reasons = (
        recipient.get(name)
        for recipient in mail.get("recipients", ())
        for name in ("delay_reason", "bounce_reason", "other_reason")
    )
    return QueuedMail(
        mail["queue_name"],
        mail["queue_id"],
        float(mail["arrival_time"]),
        int(mail.get("message_size", 0)),
        next(filter(None, reasons), None),
    )


class _Sum:
    """Number of mails, bytes and oldest arrival of one queue or cause."""

    __slots__ = ("messages", "oldest", "size")

    def __init__(self) -> None:
        self.messages = 0
        self.size = 0
        self.oldest = float("inf")

    def add(self, mail: QueuedMail) -> None:
        self.messages += 1
        self.size += mail.size
        self.oldest = min(self.oldest, mail.arrived)


def queue_metrics(queue: list[QueuedMail], now: float, cause_of: CauseOf | None = None) -> Iterator[Metric]:
    """Yield messages, bytes and oldest age by queue, and those of deferred mails by cause; all, also the empty ones.

    Args:
        queue: the mails in the queue.
        now: the time in Unix seconds.
        cause_of: returns the cause of a failed attempt; by default, by the built-in rules.
    """
    cause_of = cause_of or built_in_classifier().cause
    queues = {name: _Sum() for name in QUEUES}
    causes = {cause.value: _Sum() for cause in Cause}
    known: dict[str, Cause] = {}
    for mail in queue:
        if mail.queue in queues:
            queues[mail.queue].add(mail)
        if mail.reason is not None:
            cause = known.get(mail.reason) or known.setdefault(mail.reason, cause_of(mail.reason, ""))
            causes[cause].add(mail)
    yield from _families(
        queues,
        now,
        messages=exporter.QUEUE_MESSAGES,
        size=exporter.QUEUE_BYTES,
        age=exporter.QUEUE_OLDEST_AGE_SECONDS,
    )
    yield from _families(
        causes,
        now,
        messages=exporter.DEFERRED_MESSAGES,
        size=exporter.DEFERRED_BYTES,
        age=exporter.DEFERRED_OLDEST_AGE_SECONDS,
    )


def _families(
    sums: dict[str, _Sum],
    now: float,
    *,
    messages: MetricDescription,
    size: MetricDescription,
    age: MetricDescription,
) -> Iterator[Metric]:
    yield gauges(messages, {name: one.messages for name, one in sums.items()})
    yield gauges(size, {name: one.size for name, one in sums.items()})
    # Never negative: the mail server's clock may be ahead of ours.
    yield gauges(age, {name: max(0.0, now - one.oldest) if one.messages else 0.0 for name, one in sums.items()})
