"""smtpd(8): mail that comes in by SMTP."""

import re
from typing import Final

from mail_exporter.events import Accepted, Event, Noted
from mail_exporter.parse.grammar import QUEUE_ID
from mail_exporter.record import LogRecord

_CLIENT: Final = re.compile(rf"(?P<queue_id>{QUEUE_ID}): client=")
_NOTED: Final = re.compile(
    rf"(?:(?:NOQUEUE|{QUEUE_ID}): )?"
    r"(?P<what>connect from|disconnect from|lost connection after|timeout after|too many errors after|reject:"
    r"|improper command pipelining|milter-|(?:Anonymous|Untrusted|Trusted|Verified) TLS connection)"
)


def parse(record: LogRecord) -> Event | None:
    """Read `4jXSsP52xGzDhqX: client=web[172.18.0.5]`, connections and refusals."""
    found = _CLIENT.match(record.text)
    if found is not None:
        return Accepted(found["queue_id"], record.service)
    noted = _NOTED.match(record.text)
    return Noted(noted["what"]) if noted else None
