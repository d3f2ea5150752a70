"""TLS sessions of smtp(8) and smtpd(8), logged from `*_tls_loglevel = 1` on (Postfix: src/tls/tls_misc.c)."""

import re
from functools import cache
from typing import Final

from mail_exporter.events import NO_EVENT, TLS_PROTOCOLS, LogEvent, TlsEstablished
from mail_exporter.parse.grammar import QUEUE_ID

_SESSION: Final = re.compile(
    rf"(?:{QUEUE_ID}: )?(Anonymous|Untrusted|Trusted|Verified) TLS connection (established|reused) (to|from)"
    r" [^ ]++(?: to [^ ]++)? ([^ ]++)"
)
_VERBOSE: Final = re.compile(
    r"(?:[^\s\[]*\[[^\s\]]*\](?::\d+)?: )?(?:(?i:subject|issuer|subject_CN|issuer_CN|fingerprint|pkey_fingerprint)="
    r"|initializing the (?:client|server)-side TLS|setting up TLS |TLS (?:cipher list|protocol trace) |SSL3 alert "
    r"|SSL_(?:connect|accept):|re-using session |Reusing old session|(?:save|reloaded|remove|free|delete) session "
    r"|looking for session |(?:Issued|Issuing|Decrypted|Encrypted|decrypting|encrypting) session "
    r"|(?:read|write|delete) \w+ (?:TLS|session) |[Mm]atched |[Uu]sing DANE |TLSA |raw public key |depth=\d"
    r"|[Cc]ertificate (?:chain|fingerprint|matched)|(?:Anonymous|Untrusted|Trusted|Verified): |untrusted issuer "
    r"|(?:read from|write to) [0-9A-F]{4,} |[0-9a-f]{4} [0-9a-f]{2}[ -])"
)
"""Lines of `*_tls_loglevel` 2 and above, and details of a session that is logged by itself."""
_DIRECTION: Final = {"from": "in", "to": "out"}
_established: Final = cache(TlsEstablished)
"""There are forty different events."""


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
    return _established(_DIRECTION[preposition], known, trust.lower())


def is_verbose(text: str) -> bool:
    """Return whether the line has details of a TLS session, which are not counted.

    x[192.0.2.7]:25: TLS cipher list "aNULL:-aNULL:HIGH"
    x[192.0.2.7]:25: subject_CN=x, issuer=R3, cert fingerprint=AA:BB, pkey fingerprint=CC:DD
    SSL_connect:SSLv3/TLS write client hello
    """
    return _VERBOSE.match(text) is not None
