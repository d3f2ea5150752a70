"""The queue as the mail server offers it: `postqueue -j` behind a TCP port, one JSON object per mail (postqueue(1))."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric

from mail_telemetry import names

QUEUES: Final = ("maildrop", "incoming", "active", "deferred", "hold")


class QueuedMail(NamedTuple):
    """One mail in the queue; `arrived` is in Unix seconds."""

    queue: str
    queue_id: str
    arrived: float


class QueueUnavailable(ConnectionError):
    """The mail server's queue listing could not be read."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"cannot read the queue at {host}:{port}: {reason}")
        self.host = host
        self.port = port


def read_queue(host: str, port: int, timeout: float) -> list[QueuedMail]:
    """Return what is in the queue now.

    Args:
        host: the mail server on the internal network.
        port: its queue port.
        timeout: seconds for the whole.

    Raises:
        QueueUnavailable: nobody answers, or the answer is no queue listing.
    """
    deadline = time.monotonic() + timeout
    chunks = []
    try:
        with socket.create_connection((host, port), timeout) as connection:
            while chunk := connection.recv(1 << 16):
                chunks.append(chunk)
                connection.settimeout(max(0.01, deadline - time.monotonic()))
        return [parse_queue_line(line) for line in b"".join(chunks).splitlines()]
    except (OSError, ValueError, KeyError) as error:
        raise QueueUnavailable(host, port, str(error) or type(error).__name__) from error


def parse_queue_line(line: bytes) -> QueuedMail:
    """Read `{"queue_name": "deferred", "queue_id": "4jXS...", "arrival_time": 1763800000, ...}`.

    Raises:
        ValueError, KeyError: the line is no such object.
    """
    mail: dict[str, Any] = json.loads(line)
    return QueuedMail(mail["queue_name"], mail["queue_id"], float(mail["arrival_time"]))


class QueueReader:
    """Reads the queue at most once in a while, so that several scrapers cost as much as one.

    Args:
        read: returns the queue or raises QueueUnavailable.
        cache_seconds: how long an answer is good for.
    """

    def __init__(self, read: Callable[[], list[QueuedMail]], cache_seconds: float = 2.0) -> None:
        self._read = read
        self._cache_seconds = cache_seconds
        self._cached: list[QueuedMail] = []
        self._read_at = float("-inf")

    def metrics(self) -> Iterator[Metric]:
        """Yield messages and oldest age by queue.

        Raises:
            QueueUnavailable: the queue could not be read.
        """
        if time.monotonic() - self._read_at >= self._cache_seconds:
            self._cached = self._read()
            self._read_at = time.monotonic()
        yield from queue_metrics(self._cached, time.time())


def queue_metrics(queue: list[QueuedMail], now: float) -> Iterator[Metric]:
    """Yield messages and oldest age of every queue, the empty ones too; `now` is in Unix seconds."""
    messages = GaugeMetricFamily(names.QUEUE_MESSAGES.name, names.QUEUE_MESSAGES.help, labels=["queue"])
    age = GaugeMetricFamily(names.QUEUE_OLDEST_AGE_SECONDS.name, names.QUEUE_OLDEST_AGE_SECONDS.help, labels=["queue"])
    for name in QUEUES:
        arrivals = [mail.arrived for mail in queue if mail.queue == name]
        messages.add_metric([name], len(arrivals))
        age.add_metric([name], max(0.0, now - min(arrivals)) if arrivals else 0.0)
    yield messages
    yield age
