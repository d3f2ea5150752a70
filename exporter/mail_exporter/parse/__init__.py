"""Text to event, one module per Postfix daemon; `DAEMONS` is the dispatch table."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from mail_exporter.events import NOTED, Complained, Event, Severity
from mail_exporter.parse import bounce, cleanup, delivery, master, pickup, postscreen, postsuper, qmgr, smtpd

Parser = Callable[[str], Event | None]

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
"""Daemons whose ordinary lines tell nothing that is counted; tlsproxy's are smtp's once more."""

_COMPLAINT: Final = re.compile(r"(warning|error|fatal|panic): ")


def parser_of(daemon: str) -> Parser:
    """Return what reads the daemon's ordinary lines."""
    return DAEMONS.get(daemon) or (_parse_noise if daemon in NOISE else parse_complaint)


def parse(daemon: str, text: str) -> Event | None:
    """Return what a line says, or None when it is Postfix's and not understood."""
    return parser_of(daemon)(text) or parse_complaint(text)


def parse_complaint(text: str) -> Event | None:
    """Read `warning: this may be important` and worse, which any daemon may say."""
    found = _COMPLAINT.match(text)
    return Complained(Severity(found[1])) if found else None


def _parse_noise(text: str) -> Event | None:
    return parse_complaint(text) or NOTED
