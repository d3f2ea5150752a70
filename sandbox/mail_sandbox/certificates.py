"""The relay's TLS certificates: a CA that is kept over restarts, a good certificate, and one of each bad kind."""

import datetime as dt
import ipaddress
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mail_sandbox.faults import BadCertificate

CA_KEY_FILE = "ca-key.pem"
OTHER_HOST = "another-host.invalid"
"""The only name in the certificate of the kind WRONG_NAME."""

_DAY = dt.timedelta(days=1)
_SERVER_LIFE = 397 * _DAY  # the longest that clients accept


class CaFileUnwritableError(OSError):
    """The CA's certificate or key cannot be written where SANDBOX_CA_FILE says."""

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(
            f"SANDBOX_CA_FILE: {path} cannot be written ({reason}); set it to a file in a writable directory"
        )


@dataclass(frozen=True, slots=True)
class ServerTls:
    """The server's TLS contexts: the good one, and one for each kind of bad certificate."""

    good: ssl.SSLContext
    bad: dict[BadCertificate, ssl.SSLContext]


def authority(ca_file: Path, *, now: dt.datetime) -> trustme.CA:
    """Return the CA stored in `ca_file` and the key file beside it, or a new one where they are unusable or expire.

    Raises CaFileUnwritableError.
    """
    key_file = ca_file.with_name(CA_KEY_FILE)
    stored = _read(ca_file, key_file, now=now)
    if stored:
        return stored
    made = trustme.CA(organization_name="Dinky Mail sandbox", path_length=0)
    try:
        ca_file.parent.mkdir(parents=True, exist_ok=True)
        # The key first: once the certificate can be read, the server can sign with its key.
        _replace(key_file, made.private_key_pem.bytes(), mode=0o600)
        _replace(ca_file, made.cert_pem.bytes(), mode=0o644)
    except OSError as error:
        raise CaFileUnwritableError(path=ca_file, reason=error.strerror or str(error)) from error
    return made


def server_tls(ca: trustme.CA, names: Sequence[str], *, now: dt.datetime) -> ServerTls:
    """Return contexts for the good certificate and each bad one; a bad one differs from the good one in one thing."""
    identities = [*names, "127.0.0.1"]
    start, end = now - _DAY, now + _SERVER_LIFE
    bad = {
        BadCertificate.SELF_SIGNED: _self_signed(identities, start, end),
        BadCertificate.EXPIRED: ca.issue_cert(*identities, not_before=now - 90 * _DAY, not_after=now - _DAY),
        BadCertificate.WRONG_NAME: ca.issue_cert(OTHER_HOST, not_before=start, not_after=end),
    }
    return ServerTls(
        good=_context(ca.issue_cert(*identities, not_before=start, not_after=end)),
        bad={kind: _context(certificate) for kind, certificate in bad.items()},
    )


def _read(ca_file: Path, key_file: Path, *, now: dt.datetime) -> trustme.CA | None:
    try:
        written, key_pem = ca_file.read_bytes(), key_file.read_bytes()
        certificate = x509.load_pem_x509_certificate(written)
        key = serialization.load_pem_private_key(key_pem, password=None)
    except (OSError, ValueError):
        return None
    usable = key.public_key() == certificate.public_key() and certificate.not_valid_after_utc > now + 30 * _DAY
    return trustme.CA.from_pem(written, key_pem) if usable else None


def _self_signed(names: Sequence[str], start: dt.datetime, end: dt.datetime) -> trustme.LeafCert:
    """Return a certificate without a CA, which trustme does not make."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    *hosts, address = names
    alternatives = [*map(x509.DNSName, hosts), x509.IPAddress(ipaddress.ip_address(address))]
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), start, end)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return trustme.LeafCert(private, certificate.public_bytes(pem), [])


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    certificate.configure_cert(context)
    return context


def _replace(path: Path, content: bytes, *, mode: int) -> None:
    """Write the file with that mode in one step: a reader gets the old content or the new one, never a part."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), mode)
    new.replace(path)
