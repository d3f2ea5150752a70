"""When the mail server's own certificate ends, as a client of the submission port sees it."""

import smtplib
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

from prometheus_client.core import Metric

from mail_exporter.collectors import gauge
from mail_telemetry import names

_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17
_LONG_LENGTH: Final = 0x80


class CertificateUnavailable(ConnectionError):
    """The certificate could not be read."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"cannot read the certificate at {host}:{port}: {reason}")


def read_expiry(host: str, port: int, timeout: float) -> float:
    """Return when the certificate that is offered after STARTTLS ends, in Unix seconds.

    Args:
        host: the mail server.
        port: its submission port.
        timeout: seconds for each step.

    Raises:
        CertificateUnavailable: nobody answers, or without TLS.
    """
    # What is asked is when it ends, of whoever signed it: our own is often self-signed.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with smtplib.SMTP(host, port, local_hostname="mail-exporter.invalid", timeout=timeout) as client:
            client.starttls(context=context)
            found = client.sock.getpeercert(binary_form=True) if isinstance(client.sock, ssl.SSLSocket) else None
        return not_after(found or b"")
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise CertificateUnavailable(host, port, str(error) or type(error).__name__) from error


def not_after(certificate: bytes) -> float:
    """Return the end of a DER certificate's validity, in Unix seconds (RFC 5280 section 4.1).

    Certificate { TBSCertificate { [0] version, serialNumber, signature, issuer, Validity { notBefore, notAfter } ...

    Raises:
        ValueError: this is no certificate.
    """
    try:
        _, to_be_signed, _ = _element(certificate)
        _, rest, _ = _element(to_be_signed)
        if rest[0] == _VERSION:
            _, _, rest = _element(rest)
        for _name in ("serialNumber", "signature", "issuer"):
            _, _, rest = _element(rest)
        _, validity, _ = _element(rest)
        _, _, end = _element(validity)
        kind, text, _ = _element(end)
    except IndexError:
        raise ValueError("this is no certificate") from None
    return _time(kind, text.decode("ascii"))


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Return tag and content of the first DER element, and what follows it (X.690 section 8.1)."""
    tag, length, start = data[0], data[1], 2
    if length & _LONG_LENGTH:
        start += length & ~_LONG_LENGTH
        length = int.from_bytes(data[2:start])
    return tag, data[start : start + length], data[start + length :]


def _time(kind: int, text: str) -> float:
    if kind == _UTC_TIME:  # two digits of the year: 50 and above are the last century's
        text = ("19" if text >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


class CertificateReader:
    """Looks at the certificate once in a while, since each look is a connection in the mail log.

    Args:
        read: returns the expiry in Unix seconds, or raises CertificateUnavailable.
        cache_seconds: how long an answer is good for.
        retry_seconds: how long to leave a server alone that gave none.
    """

    def __init__(self, read: Callable[[], float], cache_seconds: float = 3600.0, retry_seconds: float = 20.0) -> None:
        self._read = read
        self._cache_seconds = cache_seconds
        self._retry_seconds = retry_seconds
        self._found: float | CertificateUnavailable = 0.0
        self._next_look = float("-inf")

    def metrics(self) -> Iterator[Metric]:
        """Yield the expiry.

        Raises:
            CertificateUnavailable: it could not be read when it was last tried.
        """
        if time.monotonic() >= self._next_look:
            self._found, seconds = self._look()
            self._next_look = time.monotonic() + seconds
        if isinstance(self._found, CertificateUnavailable):
            raise self._found
        yield gauge(names.CERTIFICATE_EXPIRY_SECONDS, self._found)

    def _look(self) -> tuple[float | CertificateUnavailable, float]:
        try:
            return self._read(), self._cache_seconds
        except CertificateUnavailable as error:
            return error, self._retry_seconds
