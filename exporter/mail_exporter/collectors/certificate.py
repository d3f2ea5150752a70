"""Expiry of the mail server's TLS certificate, read from the submission port.

The end of validity is parsed here, because cryptography.x509 would add 13 MB to the images of exporter and API
(`mail-check` needs it too); the API's has 199.9 of at most 200 MB. The ssl module parses verified certificates only.
"""

import smtplib
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from prometheus_client.core import Metric

from mail_exporter.collectors import gauge
from mail_telemetry.metrics import exporter

_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17
_LONG_LENGTH: Final = 0x80


class CertificateUnavailable(ConnectionError):
    """The certificate could not be read."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"cannot read the certificate at {host}:{port}: {reason}")


def read_expiry(host: str, port: int, timeout: float) -> float:
    """Return the expiry of the certificate that the server sends after STARTTLS, in Unix seconds.

    Args:
        host: the mail server.
        port: its submission port.
        timeout: seconds for each step.

    Raises:
        CertificateUnavailable: the server does not respond, or offers no TLS.
    """
    # Only the expiry is needed, not a verified certificate: it is often self-signed.
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
    """Return the expiry of a DER certificate, in Unix seconds (RFC 5280 section 4.1).

    Certificate { TBSCertificate { [0] version, serialNumber, signature, issuer, Validity { notBefore, notAfter } ...

    Raises:
        ValueError: the data are not a certificate.
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
        raise ValueError("not a DER certificate") from None
    return _time(kind, text.decode("ascii"))


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Return tag and content of the first DER element, and the remaining bytes (X.690 section 8.1)."""
    tag, length, start = data[0], data[1], 2
    if length & _LONG_LENGTH:
        start += length & ~_LONG_LENGTH
        length = int.from_bytes(data[2:start])
    return tag, data[start : start + length], data[start + length :]


def _time(kind: int, text: str) -> float:
    if kind == _UTC_TIME:  # two-digit year: 50 and above are 19xx
        text = ("19" if text >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def certificate_metrics(expiry: float) -> Iterator[Metric]:
    """Yield the expiry, given in Unix seconds."""
    yield gauge(exporter.CERTIFICATE_EXPIRY_SECONDS, expiry)
