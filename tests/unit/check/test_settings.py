"""Settings of the mail server as mail-check reads them."""

import pytest

from mail_check.settings import MailSettings, Secret, VariableUnusable, read_mail_settings
from tests.unit.check.conftest import DIRECT, mail_settings


def test_defaults() -> None:
    """Variables that are not set have the mail server's defaults."""
    stack = read_mail_settings({"MAIL_DOMAIN": " Shop.org\r"}, lambda _: "")
    assert MailSettings("shop.org", "mail.shop.org", "noreply@shop.org", (), None) == stack


def test_relay() -> None:
    """The relay's variables are read; the blanks of an app password are removed."""
    relay = mail_settings(SMTP_RELAY_HOST="SMTP.Gmail.com", SMTP_RELAY_PORT="465", TLS_VERIFY="False").relay
    assert relay is not None
    assert ("smtp.gmail.com", 465, True, True, False) == (
        relay.host,
        relay.port,
        relay.implicit_tls,
        relay.use_tls,
        relay.verify,
    )
    assert relay.password.reveal() == "abcdefghijklmnop"


@pytest.mark.parametrize(
    ("port", "mode", "implicit"),
    [
        pytest.param("587", "", False, id="587"),
        pytest.param("2465", "auto", True, id="SES"),
        pytest.param("4465", "Implicit", True, id="implicit"),
        pytest.param("4465", "starttls", False, id="starttls"),
    ],
)
def test_implicit_tls(port: str, mode: str, implicit: bool) -> None:  # noqa: FBT001 - the table's column
    """TLS begins with the first byte at 465 and 2465, or by SMTP_RELAY_TLS."""
    relay = mail_settings(SMTP_RELAY_PORT=port, SMTP_RELAY_TLS=mode).relay
    assert relay is not None
    assert implicit is relay.implicit_tls


def test_secrets_in_files() -> None:
    """NAME_FILE sets NAME to the text of the file."""
    relay = mail_settings(SMTP_RELAY_PASSWORD="", SMTP_RELAY_PASSWORD_FILE="/run/secrets/p").relay
    assert relay is not None
    assert relay.password.reveal() == "the text of /run/secrets/p"


def test_secrets_are_not_shown() -> None:
    """Printed settings do not contain the password."""
    stack = mail_settings(SMTP_RELAY_PASSWORD="swordfish")
    assert "swordfish" not in f"{stack} {stack!r} {[stack]}"
    assert (True, False) == (bool(Secret("x")), bool(Secret("")))


def test_several_forwards() -> None:
    """FORWARD_EMAIL may hold several addresses; no relay is direct delivery."""
    stack = read_mail_settings(DIRECT | {"FORWARD_EMAIL": "a@x.org, b@y.org"}, lambda _: "")
    assert (("a@x.org", "b@y.org"), None) == (stack.forward_to, stack.relay)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"MAIL_DOMAIN": ""}, "MAIL_DOMAIN is not set"),
        ({"SMTP_RELAY_PORT": "smtp"}, "SMTP_RELAY_PORT: 'smtp' is not a number"),
        ({"SMTP_RELAY_PASSWORD_FILE": "/no/such"}, "SMTP_RELAY_PASSWORD_FILE: /no/such cannot be read: No such file"),
    ],
)
def test_unusable(variables: dict[str, str], words: str) -> None:
    """The error names the variable."""

    def no_file(path: str) -> str:
        raise FileNotFoundError(2, "No such file or directory", path)

    with pytest.raises(VariableUnusable, match=words):
        read_mail_settings({"MAIL_DOMAIN": "shop.org", "SMTP_RELAY_HOST": "x.org"} | variables, no_file)
