"""The login at a relay, by the mechanisms that Postfix uses here: PLAIN, else LOGIN (RFC 4954)."""

import smtplib
from base64 import b64encode
from typing import Final

from mail_check.finding import Verdict, failed, ok, warning
from mail_check.stack import Relay
from mail_telemetry.causes import EXPLANATIONS, classify
from mail_telemetry.masking import mask_address, mask_text

NAME: Final = "login"

_LOGGED_IN: Final = 235
_GO_ON: Final = 334
_PERMANENT: Final = 500


def login(client: smtplib.SMTP, relay: Relay) -> Verdict:
    """Log in and judge the answer.

    smtplib's own `login` would try CRAM-MD5 first, and can't encode every password.

    Raises:
        SMTPException, OSError: the connection broke.
    """
    if not relay.username:
        return ok("none: SMTP_RELAY_USERNAME is not set", name=NAME)
    client.ehlo_or_helo_if_needed()
    offered = client.esmtp_features.get("auth", "").upper().split()
    if "PLAIN" in offered:
        code, words = client.docmd("AUTH", f"PLAIN {_encoded('', relay.username, relay.password.reveal())}")
    elif "LOGIN" in offered:
        code, words = client.docmd("AUTH", f"LOGIN {_encoded(relay.username)}")
        if code == _GO_ON:
            code, words = client.docmd(_encoded(relay.password.reveal()))
    else:
        problem = f"the relay offers no login that Postfix has here (it offers {', '.join(offered) or 'none'})"
        return failed(
            problem, "Check SMTP_RELAY_HOST and SMTP_RELAY_PORT, and USE_TLS: many offer it in TLS alone.", name=NAME
        )
    if code == _LOGGED_IN:
        return ok(f"as {mask_address(relay.username)}: {_text(words)}", name=NAME)
    return refused(code, words, name=NAME)


def refused(code: int, words: bytes | str, *, name: str) -> Verdict:
    """Judge a relay's refusal by its words; one that passes with time is a warning."""
    text = _text(words)
    fix = EXPLANATIONS[classify(text, text.partition(" ")[0])].next_step
    return (failed if code >= _PERMANENT else warning)(f"refused: {code} {text}", fix, name=name)


def _encoded(*parts: str) -> str:
    return b64encode("\0".join(parts).encode()).decode()


def _text(words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return mask_text(" ".join(text.split()))
