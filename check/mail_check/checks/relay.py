"""Check the relay: connection, TLS, certificate and login at the relay, or port 25 for direct delivery."""

import smtplib
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from mail_check.checks.services import certificate_result
from mail_check.dns_resolver import Resolver
from mail_check.results import Result, error_text, failed, ok, unknown, warning
from mail_check.settings import MailSettings, RelaySettings
from mail_exporter.collectors.certificate import not_after
from mail_telemetry.cause_rules import built_in_classifier
from mail_telemetry.causes import EXPLANATIONS, Cause
from mail_telemetry.masking import domain_of, mask_address, mask_text

CONNECTION: Final = "connection"
TLS: Final = "TLS"
CERTIFICATE: Final = "certificate"
LOGIN: Final = "login"
DEFAULT_FROM: Final = "DEFAULT_FROM"
RELAY_SENDER: Final = "SMTP_RELAY_SENDER"

_LOGGED_IN: Final = 235
_CONTINUE: Final = 334
_PERMANENT: Final = 500
_SMTP_PORT: Final = 25
_GMAIL: Final = ("gmail.com", "google.com", "googlemail.com")
_WORKSPACE_RELAY: Final = "smtp-relay.gmail.com"
"""Google's other relay accepts every sender of the customer's domains."""
_STRICT: Final = (
    *("office365.com", "outlook.com", "mail.me.com", "ovh.net", "gmx.net", "gmx.com", "web.de", "qq.com"),
    *("zoho.com", "zoho.eu", "ionos.de", "ionos.com"),
)
"""Domains of relays that accept the account's own senders only: tests/golden/replies.tsv has their replies."""
_GMAIL_SIGNATURE: Final = "gsmtp"
"""The last word of Gmail's replies, and of the sandbox's."""


def check_relay(mail: MailSettings, relay: RelaySettings, timeout: float) -> Iterator[Result]:
    """Yield a result for each step up to the login, as Postfix makes them; stop at the first failure. Send no mail.

    Args:
        mail: the mail server's settings.
        relay: the relay's.
        timeout: seconds for each step.
    """
    try:
        context = tls_context(relay)
    except OSError as error:
        problem = f"SMTP_RELAY_CA_FILE {relay.ca_file} cannot be used: {error_text(error)}"
        yield failed(problem, "Put the relay's CA certificate (PEM) there, or unset SMTP_RELAY_CA_FILE.", name=TLS)
        return
    step = CONNECTION
    try:
        with _connected(relay, mail.hostname, context, timeout) as client:
            yield ok(f"{_place(relay)} answers", name=CONNECTION)
            step = TLS
            yield from _encrypt(client, relay, context)
            step = LOGIN
            logged_in = _login(client, relay)
            yield logged_in
            rewrites = rewrites_sender(relay.host, logged_in.message)
            yield sender_result(mail.default_from, relay.username, rewrites=rewrites)
            yield from relay_sender_results(relay)
    except ssl.SSLCertVerificationError as error:
        yield failed(f"the certificate is not trusted: {error.verify_message}", _certificate_fix(relay), name=TLS)
    except ssl.SSLError as error:
        yield failed(f"no TLS: {error.reason or error}", EXPLANATIONS[Cause.TLS].next_step, name=TLS)
    except smtplib.SMTPResponseException as error:
        yield _refused(error.smtp_code, error.smtp_error, name=step)
    except (OSError, smtplib.SMTPException) as error:
        yield _connection_failed(relay, error, step)


# Connection and TLS


def tls_context(relay: RelaySettings) -> ssl.SSLContext:
    """Return a context that verifies as Postfix does, by SMTP_RELAY_CA_FILE, TLS_VERIFY and the relay's name.

    Raises:
        OSError: the CA file cannot be used.
    """
    context = ssl.create_default_context(cafile=relay.ca_file)
    # Python 3.13 is stricter than Postfix, which has OpenSSL's defaults, and would reject relays that mail reaches.
    context.verify_flags = ssl.VerifyFlags.VERIFY_DEFAULT
    if not relay.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@contextmanager
def _connected(relay: RelaySettings, hostname: str, context: ssl.SSLContext, timeout: float) -> Iterator[smtplib.SMTP]:
    client = (
        smtplib.SMTP_SSL(relay.host, relay.port, hostname, timeout=timeout, context=context)
        if relay.use_tls and relay.implicit_tls
        else smtplib.SMTP(relay.host, relay.port, hostname, timeout=timeout)
    )
    try:
        yield client
        with suppress(OSError, smtplib.SMTPException):  # the reply to QUIT does not matter
            client.quit()
    finally:
        client.close()


def _encrypt(client: smtplib.SMTP, relay: RelaySettings, context: ssl.SSLContext) -> Iterator[Result]:
    if not relay.use_tls:
        problem = "USE_TLS=no: the password and the mail are sent in plain text"
        yield warning(problem, "Set USE_TLS=yes, unless the relay is a container on a joined network.", name=TLS)
        return
    if not isinstance(client.sock, ssl.SSLSocket):
        client.starttls(context=context)
    if isinstance(client.sock, ssl.SSLSocket):
        yield _trust_result(client.sock, relay)
        expiry = not_after(client.sock.getpeercert(binary_form=True) or b"")
        fix = f"Ask the operator of {relay.host} to renew it."
        yield certificate_result(expiry, time.time(), fix, name=CERTIFICATE)


def _trust_result(connection: ssl.SSLSocket, relay: RelaySettings) -> Result:
    if not relay.verify:
        problem = f"{connection.version()}, but TLS_VERIFY=no: any server that answers in its place gets the password"
        return warning(problem, "Set TLS_VERIFY=yes; SMTP_RELAY_CA_FILE names a private relay's CA.", name=TLS)
    by = relay.ca_file or "the system's CAs"
    return ok(f"{connection.version()}, certificate for {relay.host} verified by {by}", name=TLS)


def _connection_failed(relay: RelaySettings, error: Exception, step: str) -> Result:
    place = _place(relay)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        problem = f"{place} does not offer STARTTLS, so Postfix does not send mail to it"
        return failed(problem, EXPLANATIONS[Cause.TLS].next_step, name=TLS)
    if isinstance(error, socket.gaierror):
        if error.errno == socket.EAI_AGAIN:
            problem = f"could not look up {relay.host}: {error_text(error)}"
            return unknown(problem, "Repair name resolution.", name=CONNECTION)
        return failed(f"there is no host {relay.host}", EXPLANATIONS[Cause.DNS].next_step, name=CONNECTION)
    fix = EXPLANATIONS[Cause.CONNECT].next_step
    # smtplib raises its own error after a timeout; the timeout is its context.
    why = error.__context__ if isinstance(error.__context__, TimeoutError) else error
    if isinstance(why, TimeoutError) and step == CONNECTION:
        fix += " Providers often block mail ports; 465 may be open where 587 is not, or the other way round."
    return failed(f"{place}: {error_text(why)}", fix, name=step)


def _certificate_fix(relay: RelaySettings) -> str:
    ca = (
        f"Check that SMTP_RELAY_CA_FILE {relay.ca_file} is its CA."
        if relay.ca_file
        else "For a private relay, set SMTP_RELAY_CA_FILE to its CA."
    )
    return f"{ca} SMTP_RELAY_HOST must be the name in its certificate."


def _place(relay: RelaySettings) -> str:
    return f"{relay.host}:{relay.port}"


# Login, by the mechanisms that Postfix uses here: PLAIN, else LOGIN (RFC 4954)


def _login(client: smtplib.SMTP, relay: RelaySettings) -> Result:
    """Log in and return the result.

    smtplib's own `login` would try CRAM-MD5 first, and cannot encode every password.

    Raises:
        SMTPException, OSError: the connection broke.
    """
    if not relay.username:
        return ok("none: SMTP_RELAY_USERNAME is not set", name=LOGIN)
    client.ehlo_or_helo_if_needed()
    offered = client.esmtp_features.get("auth", "").upper().split()
    if "PLAIN" in offered:
        code, reply = client.docmd("AUTH", f"PLAIN {_encoded('', relay.username, relay.password.reveal())}")
    elif "LOGIN" in offered:
        code, reply = client.docmd("AUTH", f"LOGIN {_encoded(relay.username)}")
        if code == _CONTINUE:
            code, reply = client.docmd(_encoded(relay.password.reveal()))
    else:
        problem = f"the relay offers neither PLAIN nor LOGIN (it offers {', '.join(offered) or 'none'})"
        fix = "Check SMTP_RELAY_HOST, SMTP_RELAY_PORT and USE_TLS: many relays offer a login only with TLS."
        return failed(problem, fix, name=LOGIN)
    if code == _LOGGED_IN:
        return ok(f"as {mask_address(relay.username)}: {_text(reply)}", name=LOGIN)
    return _refused(code, reply, name=LOGIN)


def _refused(code: int, reply: bytes | str, *, name: str) -> Result:
    """Return the result for a relay's refusal; a temporary one is a warning."""
    text = _text(reply)
    where = "SASL authentication failed; server relay" if name == LOGIN else "host relay"
    fix = built_in_classifier().diagnose(f"{where} said: {code} {text}", "").next_step
    return (failed if code >= _PERMANENT else warning)(f"refused: {code} {text}", fix, name=name)


def _encoded(*parts: str) -> str:
    return b64encode("\0".join(parts).encode()).decode()


def _text(reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return mask_text(" ".join(text.split()))


# Sender


def rewrites_sender(host: str, reply: str) -> bool:
    """Return whether a relay writes its account into From, by its name or its reply to the login."""
    by_name = any(host == name or host.endswith(f".{name}") for name in _GMAIL)
    return host != _WORKSPACE_RELAY and (by_name or _GMAIL_SIGNATURE in reply)


def sender_result(default_from: str, account: str, *, rewrites: bool) -> Result:
    """Return the result for DEFAULT_FROM; support.google.com/mail/answer/22370 describes aliases."""
    shown = mask_address(default_from)
    if default_from.lower() == account.lower():
        return ok(f"{shown} is the relay's account", name=DEFAULT_FROM)
    if not rewrites:
        return ok(f"{shown} is not the relay's account; this relay is not known to rewrite senders", name=DEFAULT_FROM)
    return warning(
        f"{shown} is not the relay's account: Gmail writes {mask_address(account)} into From, except for its aliases",
        "Set DEFAULT_FROM to SMTP_RELAY_USERNAME's address, or make it an alias there "
        "(Gmail: Settings, Accounts, Send mail as).",
        name=DEFAULT_FROM,
    )


def relay_sender_results(relay: RelaySettings) -> Iterator[Result]:
    """Yield the result for SMTP_RELAY_SENDER, at a relay that is known to need it; nothing at others."""
    if not any(relay.host == name or relay.host.endswith(f".{name}") for name in _STRICT):
        return
    if relay.sender:
        yield ok(f"bounces and forwards are sent as {mask_address(relay.sender)}", name=RELAY_SENDER)
        return
    yield warning(
        f"{relay.host} accepts the account's own senders only: bounces (MAIL FROM:<>) and forwards may be refused",
        "Set SMTP_RELAY_SENDER to an address that the account may use, for this alone (docs/gmail-relay.md).",
        name=RELAY_SENDER,
    )


# Direct delivery


def check_direct_delivery(mail: MailSettings, resolver: Resolver, timeout: float, port: int = _SMTP_PORT) -> Result:
    """Check port 25 outwards, which providers often block: connect to the mail server of FORWARD_EMAIL's domain.

    Raises:
        DnsLookupFailed: DNS does not answer.
    """
    if not mail.forward_to:
        return unknown("FORWARD_EMAIL is not set, so there is no server to try", "Set FORWARD_EMAIL.")
    domain = domain_of(mail.forward_to[0])
    hosts = [one.host for one in resolver.mx(domain) if one.host] or [domain]
    try:
        with smtplib.SMTP(hosts[0], port, mail.hostname, timeout=timeout):
            return warning(
                f"no relay is set, and {hosts[0]}:{port} answers: mail goes directly to the recipients' servers",
                "Set SMTP_RELAY_HOST and its account (docs/gmail-relay.md), or keep SPF and PTR right for this server.",
            )
    except (OSError, smtplib.SMTPException) as error:
        return failed(
            f"no relay is set, and {hosts[0]}:{port} does not answer: {error_text(error)}",
            f"Ask your provider to open port {port} outwards, or set SMTP_RELAY_HOST.",
        )
