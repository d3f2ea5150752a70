"""Parsers of log line texts, one module per Postfix daemon; `DAEMONS` is the dispatch table."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from mail_exporter.events import NO_EVENT, LogEvent, LogSeverity, ProblemLogged
from mail_exporter.parse import bounce, cleanup, delivery, master, pickup, postscreen, postsuper, qmgr, smtpd

Parser = Callable[[str], LogEvent | None]

DAEMONS: Mapping[str, Parser] = MappingProxyType(
    {
        "bounce": bounce.parse,
        "cleanup": cleanup.parse,
        "master": master.parse,
        "oqmgr": qmgr.parse,
        "pickup": pickup.parse,
        "postscreen": postscreen.parse,
        "postsuper": postsuper.parse,
        "qmgr": qmgr.parse,
        "smtpd": smtpd.parse,
    }
    | dict.fromkeys(delivery.DAEMONS, delivery.parse)
)

NOISE = frozenset(
    {
        *("anvil", "dnsblog", "flush", "mailq", "newaliases", "post-install", "postalias", "postcat", "postconf"),
        *("postdrop", "postfix", "postfix-script", "postfix-tls-script", "postkick", "postlock", "postlog", "postlogd"),
        *("postmap", "postmulti", "postqueue", "proxymap", "proxywrite", "scache", "sendmail", "showq", "spawn"),
        *("tlsmgr", "tlsproxy", "trivial-rewrite", "verify"),
    }
)
"""Daemons whose ordinary lines are not counted; tlsproxy repeats lines of smtp."""

_COMPLAINT: Final = re.compile(r"(warning|error|fatal|panic): ")


def parser_of(daemon: str) -> Parser:
    """Return the parser of the daemon's ordinary lines."""
    return DAEMONS.get(daemon) or (_parse_noise if daemon in NOISE else parse_problem)


def parse(daemon: str, text: str) -> LogEvent | None:
    """Return the event of a text, or None when it is not understood."""
    return parser_of(daemon)(text) or parse_problem(text)


def parse_problem(text: str) -> LogEvent | None:
    """Parse `warning: this may be important` and worse, which any daemon may log."""
    found = _COMPLAINT.match(text)
    return ProblemLogged(LogSeverity(found[1])) if found else None


def _parse_noise(text: str) -> LogEvent | None:
    return parse_problem(text) or NO_EVENT
