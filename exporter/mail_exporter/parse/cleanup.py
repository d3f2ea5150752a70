"""cleanup(8): the mail's header on its way into the queue."""

import re
from typing import Final

from mail_exporter.events import Event, MessageIdSeen, Noted, Removed, TraceSeen
from mail_exporter.parse.grammar import QUEUE_ID
from mail_exporter.record import LogRecord

_MESSAGE_ID: Final = re.compile(rf"(?P<queue_id>{QUEUE_ID}): message-id=(?P<message_id>.*)", re.DOTALL)
# Postfix cuts the header at 200 characters; the value is anchored at both ends so that header text
# which imitates the rest of the line cannot be taken for it.
_TRACE: Final = re.compile(rf"(?P<queue_id>{QUEUE_ID}): info: header Traceparent: (?P<value>[0-9a-f-]{{55,}}) from ")
_CANCELED: Final = re.compile(rf"(?P<queue_id>{QUEUE_ID}): removed \((?:canceled|discarded)\)")
_NOTED: Final = re.compile(rf"{QUEUE_ID}: (?P<what>resent-message-id=|info: |warning: |reject: |milter-)")


def parse(record: LogRecord) -> Event | None:
    """Read `4jXS...: message-id=<x@y>` and `4jXS...: info: header Traceparent: 00-... from api[...]; from=<...>`."""
    text = record.text
    if found := _MESSAGE_ID.match(text):
        return MessageIdSeen(found["queue_id"], found["message_id"])
    if found := _TRACE.match(text):
        return TraceSeen(found["queue_id"], found["value"])
    if found := _CANCELED.match(text):
        return Removed(found["queue_id"])
    noted = _NOTED.match(text)
    return Noted(noted["what"]) if noted else None
