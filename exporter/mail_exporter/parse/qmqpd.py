"""qmqpd(8): mails that a QMQP client hands over."""

import re
from typing import Final

from mail_exporter.events import CLIENT_CONNECTED, NO_EVENT, AbortKind, LogEvent, MailAccepted, SessionAborted
from mail_exporter.parse.grammar import QUEUE_ID, is_loopback, split_id

_ABORTED: Final = re.compile(
    rf"(?:(?:NOQUEUE|{QUEUE_ID}): )?[^\s\[]*\[[^\]]*\](?::\d+)?: [a-z/ ]*(lost connection|timeout|error)\b.* while "
)
_ABORTS: Final = {"lost connection": AbortKind.LOST, "timeout": AbortKind.TIMEOUT, "error": AbortKind.ERRORS}


def parse(text: str) -> LogEvent | None:
    """Parse connections and accepted mails.

    connect from x[192.0.2.7]
    4jXSsP52xGzDhqX: client=x[192.0.2.7]
    NOQUEUE: x[192.0.2.7]: lost connection while receiving sender
    """
    if text.startswith("connect from "):
        return NO_EVENT if is_loopback(text) else CLIENT_CONNECTED
    if text.startswith("disconnect from "):
        return NO_EVENT
    queue_id, said = split_id(text)
    if said.startswith("client="):
        return MailAccepted(queue_id)
    found = _ABORTED.match(text)
    return SessionAborted(_ABORTS[found[1]]) if found is not None else None
