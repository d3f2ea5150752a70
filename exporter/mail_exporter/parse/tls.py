"""TLS sessions of smtp(8) and smtpd(8), logged from `*_tls_loglevel = 1` on (Postfix: src/tls/tls_misc.c)."""

import re
from typing import Final

from mail_exporter.events import NO_EVENT, TLS_PROTOCOLS, LogEvent, TlsEstablished

_SESSION: Final = re.compile(
    r"(Anonymous|Untrusted|Trusted|Verified) TLS connection (established|reused) (to|from)"
    r" [^ ]++(?: to [^ ]++)? ([^ ]++)"
)
_DIRECTION: Final = {"from": "in", "to": "out"}


def parse(text: str) -> LogEvent | None:
    """Parse the line of a new TLS session; a reused session is not counted.

    Verified TLS connection established to smtp.gmail.com[1.2.3.4]:587: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 ...
    Anonymous TLS connection established from x[1.2.3.4]: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) ...
    """
    # Most lines have no TLS session, and this test is faster than the expression.
    found = _SESSION.match(text) if " TLS connection " in text else None
    if found is None:
        return None
    trust, verb, preposition, protocol = found.groups()
    if verb == "reused":
        return NO_EVENT
    known = protocol if protocol in TLS_PROTOCOLS else "other"
    return TlsEstablished(_DIRECTION[preposition], known, trust.lower())
