"""Parsers of log line texts, one module per Postfix daemon; `DAEMONS` is the dispatch table."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from mail_exporter.events import NO_EVENT, LogEvent, LogSeverity, ProblemLogged
from mail_exporter.parse import (
    bounce,
    cleanup,
    delivery,
    master,
    notes,
    pickup,
    postscreen,
    postsuper,
    qmgr,
    qmqpd,
    smtpd,
)

Parser = Callable[[str], LogEvent | None]

DAEMONS: Mapping[str, Parser] = MappingProxyType(
    {
        "bounce": bounce.parse,
        "cleanup": cleanup.parse,
        "defer": bounce.parse,
        "master": master.parse,
        "nbdb_reindexd": notes.parse_reindexed,
        "oqmgr": qmgr.parse,
        "pickup": pickup.parse,
        "postscreen": postscreen.parse,
        "postsuper": postsuper.parse,
        "qmgr": qmgr.parse,
        "qmqpd": qmqpd.parse,
        "smtpd": smtpd.parse,
        "trace": bounce.parse,
    }
    | dict.fromkeys(delivery.DAEMONS, delivery.parse)
)

NOISE = frozenset(
    {
        *("anvil", "dnsblog", "flush", "mailq", "newaliases", "post-install", "postalias", "postcat", "postconf"),
        *("postdrop", "postfix", "postfix-script", "postfix-tls-script", "postkick", "postlock", "postlog", "postlogd"),
        *("postfix-non-bdb-script", "postfix-wrapper", "postmap", "postmulti", "postqueue", "posttls-finger"),
        *("proxymap", "proxywrite", "qmqp-sink", "qmqp-source", "scache", "sendmail", "showq", "smtp-sink"),
        *("smtp-source", "spawn", "tlsmgr", "tlsproxy", "trivial-rewrite", "verify"),
    }
)
"""Programs whose ordinary lines are not counted; tlsproxy repeats lines of smtp, and operators run post* tools."""

_NOT_COUNTED: Final = ("message repeated ", "close database ")
_COMPLAINT: Final = re.compile(r"(warning|error|fatal|panic): ")


def parser_of(daemon: str) -> Parser:
    """Return the parser of the daemon's ordinary lines."""
    return DAEMONS.get(daemon) or (_parse_noise if daemon in NOISE else parse_common)


def parse(daemon: str, text: str) -> LogEvent | None:
    """Return the event of a text, or None when it is not understood."""
    return parser_of(daemon)(text) or parse_common(text)


def parse_common(text: str) -> LogEvent | None:
    """Parse lines that any daemon may log.

    warning: this may be important
    table hash:/etc/postfix/virtual(0,lock|fold_fix) has changed -- restarting
    message repeated 2 times: [ connect from unknown[192.0.2.7]]       (from a syslog daemon)
    close database /var/lib/postfix/postscreen_cache.db: No such file or directory (possible Berkeley DB bug)
    """
    if found := _COMPLAINT.match(text):
        return ProblemLogged(LogSeverity(found[1]))
    return notes.parse(text) or (NO_EVENT if text.startswith(_NOT_COUNTED) else None)


def _parse_noise(text: str) -> LogEvent | None:
    return parse_common(text) or NO_EVENT
