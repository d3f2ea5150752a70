"""The relay's certificates, as a client's TLS library sees them."""

import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from mail_sandbox.certificates import CaFileUnwritableError, ServerTls, authority, server_tls
from mail_sandbox.faults import BadCertificate

NOW = dt.datetime.now(dt.UTC)


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> dict[str, object]:
    """Return the certificate that a client accepts for that name, or raise ssl.SSLError."""
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
    """Return a TLS context that trusts the CA and checks by RFC 5280, as Python 3.13 does by default."""
    context = ssl.create_default_context(cafile=ca_file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


@pytest.mark.parametrize("name", ["sandbox-relay", "smtp.gmail.com", "127.0.0.1"])
def test_the_good_certificate_is_good_for_each_name(tmp_path: Path, name: str) -> None:
    """A strict client that trusts the CA accepts the relay's certificate."""
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
def test_bad_certificates_are_bad_in_one_way(
    ca_file: Path, tls: ServerTls, kind: BadCertificate, complaint: str
) -> None:
    """A client refuses each bad certificate, with its own reason."""
    with pytest.raises(ssl.SSLCertVerificationError, match=complaint):
        shake_hands(tls.bad[kind], strict(ca_file), "localhost")


def test_the_ca_outlives_a_restart(tmp_path: Path) -> None:
    """A client that read the CA file once trusts the certificates of later starts."""
    ca = tmp_path / "ca.pem"
    first = authority(ca, now=NOW)
    written = ca.read_bytes()
    assert authority(ca, now=NOW).cert_pem.bytes() == first.cert_pem.bytes()
    assert ca.read_bytes() == written


@pytest.mark.parametrize("file", ["ca.pem", "ca-key.pem"])
@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nx\n"], ids=["empty", "broken"])
def test_a_broken_ca_is_made_anew(tmp_path: Path, file: str, content: bytes) -> None:
    """The sandbox starts after a crash that left incomplete files."""
    ca = tmp_path / "ca.pem"
    first = authority(ca, now=NOW)
    (tmp_path / file).write_bytes(content)
    assert authority(ca, now=NOW).cert_pem.bytes() != first.cert_pem.bytes()


def test_a_ca_about_to_expire_is_made_anew(tmp_path: Path) -> None:
    """A stored CA is replaced when it expires within 30 days."""
    ca = tmp_path / "ca.pem"
    first = authority(ca, now=NOW)
    end = x509.load_pem_x509_certificate(first.cert_pem.bytes()).not_valid_after_utc
    assert first.cert_pem.bytes() == authority(ca, now=end - dt.timedelta(days=31)).cert_pem.bytes()
    assert first.cert_pem.bytes() != authority(ca, now=end - dt.timedelta(days=29)).cert_pem.bytes()


def test_the_certificate_is_for_all_and_the_key_is_not(tmp_path: Path) -> None:
    """The certificate is readable for other users; the directory has no other files."""
    authority(tmp_path / "ca.pem", now=NOW)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"ca.pem": 0o644, "ca-key.pem": 0o600}


def test_an_unusable_place_is_named(tmp_path: Path) -> None:
    """The error names the variable to set."""
    (tmp_path / "file").touch()
    with pytest.raises(CaFileUnwritableError, match=r"SANDBOX_CA_FILE: .*/ca\.pem cannot be written"):
        authority(tmp_path / "file" / "ca.pem", now=NOW)
