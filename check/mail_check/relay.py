"""The way out, tried as Postfix goes it, up to the login: connection, TLS, certificate, account. No mail is sent."""

import smtplib
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from mail_check import login
from mail_check.certificate import ends
from mail_check.finding import Verdict, failed, ok, unknown, warning
from mail_check.reason import reason
from mail_check.sender import rewrites, sender
from mail_check.stack import Relay, Stack
from mail_exporter.collectors.certificate import not_after
from mail_telemetry.causes import EXPLANATIONS, Cause

CONNECTION: Final = "connection"
TLS: Final = "TLS"
CERTIFICATE: Final = "certificate"


def look(stack: Stack, relay: Relay, timeout: float) -> Iterator[Verdict]:
    """Yield how far one gets, step by step; the first that fails is the last.

    Args:
        stack: who we are.
        relay: where to.
        timeout: seconds for each step.
    """
    try:
        context = tls_context(relay)
    except OSError as error:
        problem = f"SMTP_RELAY_CA_FILE {relay.ca_file} can't be used: {reason(error)}"
        yield failed(problem, "Put the relay's CA certificate (PEM) there, or unset SMTP_RELAY_CA_FILE.", name=TLS)
        return
    step = CONNECTION
    try:
        with _connected(relay, stack.hostname, context, timeout) as client:
            yield ok(f"{_place(relay)} answers", name=CONNECTION)
            step = TLS
            yield from _encrypt(client, relay, context)
            step = login.NAME
            logged_in = login.login(client, relay)
            yield logged_in
            yield sender(stack.default_from, relay.username, rewrites=rewrites(relay.host, logged_in.message))
    except ssl.SSLCertVerificationError as error:
        yield failed(f"the certificate can't be trusted: {error.verify_message}", _certificate_fix(relay), name=TLS)
    except ssl.SSLError as error:
        yield failed(f"no TLS: {error.reason or error}", EXPLANATIONS[Cause.TLS].next_step, name=TLS)
    except smtplib.SMTPResponseException as error:
        yield login.refused(error.smtp_code, error.smtp_error, name=step)
    except (OSError, smtplib.SMTPException) as error:
        yield _broken(relay, error, step)


def tls_context(relay: Relay) -> ssl.SSLContext:
    """Return what verifies as Postfix does, by SMTP_RELAY_CA_FILE, TLS_VERIFY and the relay's name.

    Raises:
        OSError: the CA file can't be used.
    """
    context = ssl.create_default_context(cafile=relay.ca_file)
    # Python 3.13 is stricter than Postfix, which has OpenSSL's defaults, and would refuse relays that mail reaches.
    context.verify_flags = ssl.VerifyFlags.VERIFY_DEFAULT
    if not relay.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@contextmanager
def _connected(relay: Relay, hostname: str, context: ssl.SSLContext, timeout: float) -> Iterator[smtplib.SMTP]:
    client = (
        smtplib.SMTP_SSL(relay.host, relay.port, hostname, timeout=timeout, context=context)
        if relay.use_tls and relay.implicit_tls
        else smtplib.SMTP(relay.host, relay.port, hostname, timeout=timeout)
    )
    try:
        yield client
        with suppress(OSError, smtplib.SMTPException):  # what it says to QUIT tells nothing any more
            client.quit()
    finally:
        client.close()


def _encrypt(client: smtplib.SMTP, relay: Relay, context: ssl.SSLContext) -> Iterator[Verdict]:
    if not relay.use_tls:
        problem = "USE_TLS=no: the password and the mail go in the clear"
        yield warning(problem, "Set USE_TLS=yes, unless the relay is a container on a joined network.", name=TLS)
        return
    if not isinstance(client.sock, ssl.SSLSocket):
        client.starttls(context=context)
    if isinstance(client.sock, ssl.SSLSocket):
        yield _trusted(client.sock, relay)
        moment = not_after(client.sock.getpeercert(binary_form=True) or b"")
        yield ends(moment, time.time(), f"Tell whoever runs {relay.host}: it has to renew it.", name=CERTIFICATE)


def _trusted(connection: ssl.SSLSocket, relay: Relay) -> Verdict:
    if not relay.verify:
        problem = f"{connection.version()}, but TLS_VERIFY=no: whoever answers for the relay gets the password"
        return warning(problem, "Set TLS_VERIFY=yes; SMTP_RELAY_CA_FILE names a private relay's CA.", name=TLS)
    by = relay.ca_file or "the system's CAs"
    return ok(f"{connection.version()}, certificate for {relay.host} verified by {by}", name=TLS)


def _broken(relay: Relay, error: Exception, step: str) -> Verdict:
    place = _place(relay)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        problem = f"{place} does not offer STARTTLS, so Postfix sends it nothing"
        return failed(problem, EXPLANATIONS[Cause.TLS].next_step, name=TLS)
    if isinstance(error, socket.gaierror):
        if error.errno == socket.EAI_AGAIN:
            return unknown(f"could not look up {relay.host}: {reason(error)}", "Mend name resolution.", name=CONNECTION)
        return failed(f"there is no {relay.host}", EXPLANATIONS[Cause.DNS].next_step, name=CONNECTION)
    fix = EXPLANATIONS[Cause.CONNECT].next_step
    # smtplib wraps what ends a connection.
    why = error.__context__ if isinstance(error.__context__, TimeoutError) else error
    if isinstance(why, TimeoutError) and step == CONNECTION:
        fix += " Providers often block mail ports; 465 may be open where 587 is not, or the other way round."
    return failed(f"{place}: {reason(why)}", fix, name=step)


def _certificate_fix(relay: Relay) -> str:
    own = (
        f"SMTP_RELAY_CA_FILE is {relay.ca_file}: is it"
        if relay.ca_file
        else "A private relay: SMTP_RELAY_CA_FILE names"
    )
    return f"{own} its CA{'?' if relay.ca_file else '.'} SMTP_RELAY_HOST must be the name in its certificate."


def _place(relay: Relay) -> str:
    return f"{relay.host}:{relay.port}"
