"""Certificates of the sandbox relay, checked by a client's TLS library."""

import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from mail_sandbox.certificates import CaFileUnwritableError, ServerTls, authority, server_tls
from mail_sandbox.faults import BadCertificate

NOW = dt.datetime.now(dt.UTC)


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> dict[str, object]:
    """Return the certificate that a client accepts for that name; raise ssl.SSLError when it rejects it."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server, server_hostname=name)
    there = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(3):
        for side in (here, there):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return dict(here.getpeercert() or {})


def strict(ca_file: Path) -> ssl.SSLContext:
    """Return a client context that trusts the CA and checks by RFC 5280, as Python 3.13 does by default."""
    context = ssl.create_default_context(cafile=ca_file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


@pytest.mark.parametrize("name", ["sandbox-relay", "smtp.gmail.com", "127.0.0.1"])
def test_good_certificate(tmp_path: Path, name: str) -> None:
    """A client with strict checks accepts the good certificate for each of its names."""
    ca = tmp_path / "ca.pem"
    tls = server_tls(authority(ca, now=NOW), ["sandbox-relay", "smtp.gmail.com"], now=NOW)
    assert shake_hands(tls.good, strict(ca), name)["subjectAltName"]


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (BadCertificate.SELF_SIGNED, "self.signed certificate"),
        (BadCertificate.EXPIRED, "certificate has expired"),
        (BadCertificate.WRONG_NAME, "Hostname mismatch"),
    ],
    ids=str,
)
def test_bad_certificates(ca_file: Path, tls: ServerTls, kind: BadCertificate, complaint: str) -> None:
    """A client rejects each bad certificate for its own reason."""
    with pytest.raises(ssl.SSLCertVerificationError, match=complaint):
        shake_hands(tls.bad[kind], strict(ca_file), "localhost")


def test_the_ca_outlives_a_restart(tmp_path: Path) -> None:
    """After a restart the CA is the same, so clients that read its file still trust the relay."""
    ca = tmp_path / "ca.pem"
    first = authority(ca, now=NOW)
    written = ca.read_bytes()
    assert authority(ca, now=NOW).cert_pem.bytes() == first.cert_pem.bytes()
    assert ca.read_bytes() == written


@pytest.mark.parametrize("file", ["ca.pem", "ca-key.pem"])
@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nx\n"], ids=["empty", "broken"])
def test_broken_ca_is_replaced(tmp_path: Path, file: str, content: bytes) -> None:
    """CA files that a crash left incomplete are replaced at the start."""
    ca = tmp_path / "ca.pem"
    first = authority(ca, now=NOW)
    (tmp_path / file).write_bytes(content)
    assert authority(ca, now=NOW).cert_pem.bytes() != first.cert_pem.bytes()


def test_expiring_ca_is_replaced(tmp_path: Path) -> None:
    """A CA that expires within 30 days is replaced."""
    ca = tmp_path / "ca.pem"
    first = authority(ca, now=NOW)
    end = x509.load_pem_x509_certificate(first.cert_pem.bytes()).not_valid_after_utc
    assert first.cert_pem.bytes() == authority(ca, now=end - dt.timedelta(days=31)).cert_pem.bytes()
    assert first.cert_pem.bytes() != authority(ca, now=end - dt.timedelta(days=29)).cert_pem.bytes()


def test_file_permissions(tmp_path: Path) -> None:
    """The certificate is readable by other users and the key is not; the directory has no other files."""
    authority(tmp_path / "ca.pem", now=NOW)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"ca.pem": 0o644, "ca-key.pem": 0o600}


def test_unusable_path(tmp_path: Path) -> None:
    """The error for a path that cannot be written names the variable."""
    (tmp_path / "file").touch()
    with pytest.raises(CaFileUnwritableError, match=r"SANDBOX_CA_FILE: .*/ca\.pem cannot be written"):
        authority(tmp_path / "file" / "ca.pem", now=NOW)
