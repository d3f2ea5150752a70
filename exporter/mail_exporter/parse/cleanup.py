"""cleanup(8): Message-ID, trace context, header checks, milters, and mail that is bounced before it is queued."""

import re
from typing import Final

from mail_exporter.events import (
    NO_EVENT,
    ClientRejected,
    LogEvent,
    MailRemoved,
    MessageIdSeen,
    RejectReason,
    TraceContextSeen,
)
from mail_exporter.parse import reject
from mail_exporter.parse.delivery import parse_attempt
from mail_exporter.parse.grammar import QUEUE_ID, TRACEPARENT, split_id

_MESSAGE_ID: Final = "message-id="
_TRACEPARENT: Final = "info: header Traceparent: "
# Postfix cuts the header at 200 characters. The value is anchored at both ends, so that header text which imitates the
# rest of the line is not parsed as such.
_TRACE: Final = re.compile(rf"({TRACEPARENT}) from ")
_OTHER: Final = re.compile(
    rf"({QUEUE_ID}): (?:(removed \((?:canceled|discarded)\))|((?:milter-)?reject: )"
    r"|resent-message-id=|info: |warning: |filter: |redirect: |replace: |prepend: |discard: |hold: |pass: |delay: "
    r"|strip: |bcc: |milter-|to=|canceled|uid=)"
)


def parse(text: str) -> LogEvent | None:
    """Parse a header line, or an action of header_checks(5) or a milter.

    4jXSsP52xGzDhqX: message-id=<x@y>
    4jXSsP52xGzDhqX: info: header Traceparent: 00-... from api[172.18.0.5]; from=<...> to=<...> ...: mailtrace
    4jXSsP52xGzDhqX: reject: header Subject: ... from x[1.2.3.4]; from=<a@b> to=<c@d> proto=ESMTP ...: 5.7.1 no
    4jXSsP52xGzDhqX: milter-reject: END-OF-MESSAGE from x[1.2.3.4]: 4.7.1 Greylisted; from=<a@b> to=<c@d> ...
    4jXSsP52xGzDhqX: to=<root@b>, relay=none, delay=0.1, delays=0.1/0/0/0, dsn=5.7.1, status=bounced (no)
    4jXSsP52xGzDhqX: removed (canceled)
    """
    queue_id, said = split_id(text)
    if said.startswith(_MESSAGE_ID):
        return MessageIdSeen(queue_id, said[len(_MESSAGE_ID) :])
    if said.startswith(_TRACEPARENT) and (trace := _TRACE.match(said, len(_TRACEPARENT))) is not None:
        return TraceContextSeen(queue_id, trace[1])
    if said.startswith("to=<") and (attempt := parse_attempt(queue_id, said)) is not None:
        return attempt
    return _parse_action(text)


def _parse_action(text: str) -> LogEvent | None:
    if (other := _OTHER.match(text)) is None:
        return None
    if other[2]:
        return MailRemoved(other[1])
    if other[3]:
        return reject.parse(text) if other[3].startswith("milter-") else ClientRejected(RejectReason.CONTENT)
    return NO_EVENT
