"""Settings from the environment: defaults, empty values and errors."""

from pathlib import Path

import pytest

from mail_api.settings import Settings
from mail_telemetry.configuration import SettingsInvalid, default_text, load


def settings(**values: object) -> Settings:
    """Return settings with these values, lower-case names as in Python."""
    return Settings.model_validate({"mail_domain": "example.org", **values})


def test_defaults() -> None:
    """MAIL_DOMAIN is the only required variable, and other defaults follow from it."""
    found = settings()
    assert found.default_from == "noreply@example.org"
    assert found.allowed_recipients == ("example.org",)
    assert found.allowed_hosts == ("example.org", "*.example.org")
    assert (found.smtp_host, found.smtp_port, found.api_port, found.metrics_port) == ("mail-server", 25, 20001, 9464)


def test_own_mailboxes_are_allowed() -> None:
    """FORWARD_EMAIL and DEFAULT_TO are in the default of ALLOWED_RECIPIENTS."""
    found = settings(forward_email="me@gmail.test", default_to="office@example.org")
    assert found.allowed_recipients == ("example.org", "me@gmail.test", "office@example.org")


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables are read by their upper-case names; lists are separated by commas."""
    monkeypatch.setenv("MAIL_DOMAIN", "Example.ORG")
    monkeypatch.setenv("ALLOWED_RECIPIENTS", "Me@Example.com, other.example ,")
    monkeypatch.setenv("ALLOWED_HOSTS", "HTTP://localhost:3000/,*.example.org")
    monkeypatch.setenv("LOG_LEVEL", "debug")
    found = load(Settings)
    assert found.mail_domain == "example.org"
    assert found.allowed_recipients == ("Me@example.com", "other.example")
    assert found.allowed_hosts == ("http://localhost:3000", "*.example.org")
    assert found.log_level == "DEBUG"


def test_client_address_header() -> None:
    """The header is off by default, and can have any name if TRUSTED_PROXIES is set."""
    assert settings().client_address_header is None
    found = settings(trusted_proxies="172.18.0.0/16", client_address_header="CF-Connecting-IP")
    assert found.client_address_header == "CF-Connecting-IP"


def test_empty_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable, as in a compose file, has its default."""
    monkeypatch.setenv("MAIL_DOMAIN", "example.org")
    for name in Settings.model_fields.keys() - {"mail_domain"}:
        monkeypatch.setenv(name.upper(), "")
    assert load(Settings) == settings()


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        pytest.param("MAIL_DOMAIN", "", "MAIL_DOMAIN: is not set", id="unset"),
        pytest.param("MAIL_DOMAIN", "http://x", "MAIL_DOMAIN: is not a domain name", id="a URL as domain"),
        pytest.param("DEFAULT_FROM", "nobody", "DEFAULT_FROM: An email address must have an @-sign", id="no address"),
        pytest.param(
            "MAIL_DOMAIN",
            "müller.example",
            "MAIL_DOMAIN: is an international name: write xn--mller-kva.example",
            id="international domain",
        ),
        pytest.param(
            "FORWARD_EMAIL",
            "me@straße.example",
            "FORWARD_EMAIL: has an international domain: write xn--strae-oqa.example",
            id="international domain of an address",
        ),
        pytest.param("DEFAULT_FROM", "a@x.org <b@x.org>", "DEFAULT_FROM: must be one address", id="two senders"),
        pytest.param("ALLOWED_RECIPIENTS", "*", "ALLOWED_RECIPIENTS: is not a domain name", id="any recipient"),
        pytest.param("ALLOWED_HOSTS", "*", "ALLOWED_HOSTS: `*` would let every website send", id="any site"),
        pytest.param("ALLOWED_HOSTS", "a/b", "ALLOWED_HOSTS: holds an entry that is neither", id="a path as site"),
        pytest.param("SMTP_PORT", "smtp", "SMTP_PORT: Input should be a valid integer", id="no number"),
        pytest.param("SMTP_POOL_SIZE", "0", "SMTP_POOL_SIZE: Input should be greater than", id="out of range"),
        pytest.param(
            "CLIENT_ADDRESS_HEADER", "CF Connecting", "CLIENT_ADDRESS_HEADER: is not the name", id="no header"
        ),
        pytest.param("CLIENT_ADDRESS_HEADER", "a,b", "CLIENT_ADDRESS_HEADER: is not the name", id="two headers"),
        pytest.param(
            "CLIENT_ADDRESS_HEADER",
            "x-forwarded-for",
            "CLIENT_ADDRESS_HEADER: X-Forwarded-For is read without this setting",
            id="X-Forwarded-For",
        ),
        pytest.param(
            "CLIENT_ADDRESS_HEADER", "Forwarded", "CLIENT_ADDRESS_HEADER: Forwarded holds more", id="another syntax"
        ),
        pytest.param(
            "CLIENT_ADDRESS_HEADER",
            "CF-Connecting-IP",
            "CLIENT_ADDRESS_HEADER: needs TRUSTED_PROXIES",
            id="without trusted proxies",
        ),
        pytest.param("LOG_LEVEL", "loud", "LOG_LEVEL: Input should be 'TRACE'", id="unknown level"),
        pytest.param("RATE_LIMIT", "many", "RATE_LIMIT: is neither rates", id="no rate"),
        pytest.param(
            "RATE_LIMIT_STORAGE", "memcached://x", "RATE_LIMIT_STORAGE: is neither memory://", id="unknown storage"
        ),
        pytest.param(
            "TRACE_URL_TEMPLATE", "https://x/", "TRACE_URL_TEMPLATE: is not an address", id="template without an id"
        ),
        pytest.param("SMTP_RETRY_SECONDS", "soon", "SMTP_RETRY_SECONDS: ", id="no time"),
        pytest.param("LEDGER_RETENTION_DAYS", "soon", "LEDGER_RETENTION_DAYS: ", id="no days"),
        pytest.param("HONEYPOT_FIELD", ",", "HONEYPOT_FIELD: names no field", id="no field"),
        pytest.param("HONEYPOT_FIELD", "x" * 101, "HONEYPOT_FIELD: String should have at most 100", id="long field"),
        pytest.param("HONEYPOT_KEEP_DAYS", "-1", "HONEYPOT_KEEP_DAYS: Input should be greater", id="days below 0"),
        pytest.param("MAX_LINKS", "few", "MAX_LINKS: ", id="no number of links"),
        pytest.param(
            "TURNSTILE_SECRET_FILE", "/no/such", "TURNSTILE_SECRET_FILE: names no text file", id="no secret file"
        ),
        pytest.param("HCAPTCHA_SECRET_FILE", "/dev/null", "HCAPTCHA_SECRET_FILE: is an empty file", id="no secret"),
        pytest.param("TURNSTILE_URL", "ftp://x", "TURNSTILE_URL: is not an address", id="no web address"),
    ],
)
def test_errors(monkeypatch: pytest.MonkeyPatch, name: str, value: str, line: str) -> None:
    """Each error is one line with the variable, the problem and an example."""
    monkeypatch.setenv("MAIL_DOMAIN", "example.org")
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsInvalid) as raised:
        load(Settings)
    (found,) = raised.value.lines
    assert found.startswith(line)
    assert f"; set it like {name}=" in found


def test_all_errors_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """All invalid variables are reported at once."""
    monkeypatch.delenv("MAIL_DOMAIN", raising=False)
    monkeypatch.setenv("API_PORT", "0")
    with pytest.raises(SettingsInvalid) as raised:
        load(Settings)
    assert [line.partition(":")[0] for line in raised.value.lines] == ["MAIL_DOMAIN", "API_PORT"]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_variable_is_described(name: str) -> None:
    """Each field has a description, an example and a default, from which the docs are generated."""
    field = Settings.model_fields[name]
    assert (field.description or "").endswith(".")
    assert field.examples
    assert isinstance(default_text(field), str)


def test_honeypot_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    """HONEYPOT_FIELD holds one name or several, by comma; by default the old one and one that browsers do not fill."""
    monkeypatch.setenv("MAIL_DOMAIN", "example.org")
    assert load(Settings).honeypot_fields == ("hp_url", "hp_note")
    monkeypatch.setenv("HONEYPOT_FIELD", "website")
    assert load(Settings).honeypot_fields == ("website",)
    monkeypatch.setenv("HONEYPOT_FIELD", "website, hp_note,")
    assert load(Settings).honeypot_fields == ("website", "hp_note")


def test_captcha_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A secret is a variable or a file, never both, and no printed settings show it."""
    monkeypatch.setenv("MAIL_DOMAIN", "example.org")
    assert load(Settings).captcha_providers() == []
    file = tmp_path / "hcaptcha"
    file.write_bytes(b"\xef\xbb\xbfES_s3cret\r\n")
    monkeypatch.setenv("TURNSTILE_SECRET", "0x_s3cret")
    monkeypatch.setenv("HCAPTCHA_SECRET_FILE", str(file))
    found = load(Settings)
    assert [(one.name, secret) for one, secret in found.captcha_providers()] == [
        ("turnstile", "0x_s3cret"),
        ("hcaptcha", "ES_s3cret"),
    ]
    assert "s3cret" not in f"{found} {found!r}"
    monkeypatch.setenv("TURNSTILE_SECRET_FILE", str(file))
    with pytest.raises(SettingsInvalid, match="TURNSTILE_SECRET_FILE: TURNSTILE_SECRET is set as well: keep one"):
        load(Settings)
