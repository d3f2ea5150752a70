"""The relay's certificates: a CA that outlives restarts, a good certificate, and one of each bad kind."""

import datetime as dt
import ipaddress
import os
import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mail_sandbox.faults import BadCertificate

CA_KEY_FILE = "ca-key.pem"
WRONG_NAME = "another-host.invalid"

_DAY = dt.timedelta(days=1)
_CA_LIFE = 3650 * _DAY
_SERVER_LIFE = 397 * _DAY  # what clients accept at most


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority of our own: its certificate, and the key it signs with."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class CaFileUnwritableError(OSError):
    """The CA's certificate or key cannot be put where the setting says."""

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(
            f"SANDBOX_CA_FILE: {path} cannot be written ({reason}); set it to a file in a writable directory"
        )


@dataclass(frozen=True, slots=True)
class ServerTls:
    """The server side of TLS: the context to listen with, and those to fall back on for each bad kind."""

    good: ssl.SSLContext
    bad: dict[BadCertificate, ssl.SSLContext]


def authority(ca_file: Path, *, now: dt.datetime) -> Authority:
    """The CA whose certificate is in `ca_file` and whose key is beside it; made anew unless both are usable.

    Raises CaFileUnwritableError.
    """
    key_file = ca_file.with_name(CA_KEY_FILE)
    kept = _read_authority(ca_file, key_file)
    if kept and kept.certificate.not_valid_after_utc > now + 30 * _DAY:
        return kept
    made = _new_authority(now)
    try:
        ca_file.parent.mkdir(parents=True, exist_ok=True)
        # The key first: a reader that sees the certificate can count on servers signed by it.
        _replace(key_file, _key_pem(made.key), mode=0o600)
        _replace(ca_file, made.certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
    except OSError as error:
        raise CaFileUnwritableError(path=ca_file, reason=error.strerror or str(error)) from error
    return made


def server_tls(ca: Authority, names: Sequence[str], *, now: dt.datetime, scratch: Path) -> ServerTls:
    """Contexts for the good certificate and each bad one; a bad one differs from the good in one thing.

    Keys pass through files in the directory `scratch`.
    """
    start, end = now - _DAY, now + _SERVER_LIFE
    return ServerTls(
        good=_context(ca, names, start=start, end=end, scratch=scratch),
        bad={
            BadCertificate.SELF_SIGNED: _context(None, names, start=start, end=end, scratch=scratch),
            BadCertificate.EXPIRED: _context(ca, names, start=now - 90 * _DAY, end=now - _DAY, scratch=scratch),
            BadCertificate.WRONG_NAME: _context(ca, [WRONG_NAME], start=start, end=end, scratch=scratch),
        },
    )


def _read_authority(ca_file: Path, key_file: Path) -> Authority | None:
    try:
        certificate = x509.load_pem_x509_certificate(ca_file.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    return Authority(certificate, key)


def _new_authority(now: dt.datetime) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Dinky Mail sandbox CA")
    certificate = (
        _unsigned(subject=name, issuer=name, key=key, start=now - _DAY, end=now + _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def _context(
    ca: Authority | None, names: Sequence[str], *, start: dt.datetime, end: dt.datetime, scratch: Path
) -> ssl.SSLContext:
    """A server context with a new key and certificate; signed by itself where no CA is given."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(names[0])
    signing_key = ca.key if ca else key
    issuer = ca.certificate.subject if ca else subject
    certificate = (
        _unsigned(subject=subject, issuer=issuer, key=key, start=start, end=end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_alternatives(names)), critical=False)
        # Python 3.13 checks strictly by RFC 5280, which asks for this one.
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False)
        .sign(signing_key, hashes.SHA256())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # load_cert_chain reads files only; the file is private (0600) and gone at once.
    with tempfile.NamedTemporaryFile(dir=scratch, suffix=".pem") as pem:
        pem.write(_key_pem(key) + certificate.public_bytes(serialization.Encoding.PEM))
        pem.flush()
        context.load_cert_chain(pem.name)
    return context


def _unsigned(
    *, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, start: dt.datetime, end: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    # X.520 allows 64 characters in a common name.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _alternatives(names: Sequence[str]) -> list[x509.GeneralName]:
    loopback: list[x509.GeneralName] = [x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]
    return [*(x509.DNSName(name) for name in names), *(loopback if WRONG_NAME not in names else [])]


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _replace(path: Path, content: bytes, *, mode: int) -> None:
    """The file has that content and mode; a reader sees the old one or the new one, never half of it."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), mode)
    new.replace(path)
