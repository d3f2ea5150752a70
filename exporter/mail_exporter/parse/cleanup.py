"""cleanup(8): the mail's header on its way into the queue."""

import re
from typing import Final

from mail_exporter.events import NOTED, Event, MessageIdSeen, Reason, Rejected, Removed, TraceSeen
from mail_exporter.parse.grammar import QUEUE_ID

# Postfix cuts the header at 200 characters; the value is anchored at both ends so that header text
# which imitates the rest of the line cannot be taken for it.
_HEADER: Final = re.compile(
    rf"({QUEUE_ID}): (?:message-id=(.*)|info: header Traceparent: ([0-9a-f-]{{55,}}) from )", re.DOTALL
)
_OTHER: Final = re.compile(
    rf"({QUEUE_ID}): (?:(removed \((?:canceled|discarded)\))|((?:milter-)?reject: )"
    r"|resent-message-id=|info: |warning: |filter: |redirect: |replace: |prepend: |discard: |hold: |pass: |delay: "
    r"|strip: |bcc: |milter-|to=|canceled|uid=)"
)


def parse(text: str) -> Event | None:
    """Read what cleanup says of a header, and what header_checks(5) and milters made of the mail.

    4jXSsP52xGzDhqX: message-id=<x@y>
    4jXSsP52xGzDhqX: info: header Traceparent: 00-... from api[172.18.0.5]; from=<...> to=<...> ...: mailtrace
    4jXSsP52xGzDhqX: reject: header Subject: ... from x[1.2.3.4]; from=<a@b> to=<c@d> proto=ESMTP ...: 5.7.1 no
    4jXSsP52xGzDhqX: removed (canceled)
    """
    if found := _HEADER.match(text):
        queue_id, message_id, traceparent = found.groups()
        return MessageIdSeen(queue_id, message_id) if traceparent is None else TraceSeen(queue_id, traceparent)
    if (other := _OTHER.match(text)) is None:
        return None
    if other[2]:
        return Removed(other[1])
    return Rejected(Reason.CONTENT) if other[3] else NOTED
