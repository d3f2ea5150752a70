"""Text to event, one module per Postfix daemon; `DAEMONS` is the dispatch table."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from mail_exporter.events import Event, Noted
from mail_exporter.parse import cleanup, delivery, pickup, qmgr, smtpd
from mail_exporter.record import LogRecord

Parser = Callable[[LogRecord], Event | None]

DAEMONS: Mapping[str, Parser] = MappingProxyType(
    {
        "smtpd": smtpd.parse,
        "pickup": pickup.parse,
        "cleanup": cleanup.parse,
        "qmgr": qmgr.parse,
    }
    | dict.fromkeys(delivery.DAEMONS, delivery.parse)
)

NOISE = frozenset(
    {
        *("anvil", "bounce", "master", "postdrop", "postfix", "postfix-script", "postlog", "postlogd", "postqueue"),
        *("postsuper", "proxymap", "scache", "sendmail", "showq", "spawn", "tlsmgr", "tlsproxy", "trivial-rewrite"),
        "verify",
    }
)
"""Daemons whose lines change no mail's life."""


def parse(record: LogRecord) -> Event | None:
    """Return what the line says, or None when it is Postfix's and not understood."""
    parser = DAEMONS.get(record.daemon)
    if parser is not None and not record.severity:
        return parser(record)
    if parser is not None or record.daemon in NOISE:
        return Noted(record.severity or record.daemon)
    return None
