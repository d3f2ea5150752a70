"""Expiry of the mail server's certificate."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from mail_exporter.collectors.certificate import CertificateUnavailable, not_after, read_expiry


def certificate(ends: datetime) -> bytes:
    """Return a self-signed certificate in DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(ends)
        .sign(key, SHA256())
    )
    return made.public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    "ends",
    [
        pytest.param(datetime(2027, 2, 3, 4, 5, 6, tzinfo=UTC), id="two digits of the year"),
        pytest.param(datetime(2050, 2, 3, 4, 5, 6, tzinfo=UTC), id="four digits, from 2050 on"),
    ],
)
def test_not_after(ends: datetime) -> None:
    """The expiry is parsed in both formats of a certificate."""
    assert ends.timestamp() == not_after(certificate(ends))


@pytest.mark.parametrize("cut", [0, 1, 10, 60])
def test_no_certificate(cut: int) -> None:
    """Data that are not a certificate raise ValueError."""
    with pytest.raises(ValueError, match=r"."):
        not_after(certificate(datetime(2027, 1, 1, tzinfo=UTC))[:cut])


def test_unreachable() -> None:
    """The error for an unreachable server contains its name."""
    with pytest.raises(CertificateUnavailable, match=r"nowhere\.invalid:587"):
        read_expiry("nowhere.invalid", 587, 1)
