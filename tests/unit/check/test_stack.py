"""The variables, as the mail server reads them."""

import pytest

from mail_check.stack import Secret, Stack, VariableUnusable, read_stack
from tests.unit.check.conftest import DIRECT, stack_of


def test_defaults() -> None:
    """What is not set is what the mail server takes it for."""
    stack = read_stack({"MAIL_DOMAIN": " Shop.org\r"}, lambda _: "")
    assert Stack("shop.org", "mail.shop.org", "noreply@shop.org", (), None) == stack


def test_relay() -> None:
    """The relay is as set; the blanks of an app password are not part of it."""
    relay = stack_of(SMTP_RELAY_HOST="SMTP.Gmail.com", SMTP_RELAY_PORT="465", TLS_VERIFY="False").relay
    assert relay is not None
    assert ("smtp.gmail.com", 465, True, True, False) == (
        relay.host,
        relay.port,
        relay.implicit_tls,
        relay.use_tls,
        relay.verify,
    )
    assert relay.password.reveal() == "abcdefghijklmnop"


def test_secrets_in_files() -> None:
    """NAME_FILE gives NAME the text of the file."""
    relay = stack_of(SMTP_RELAY_PASSWORD="", SMTP_RELAY_PASSWORD_FILE="/run/secrets/p").relay
    assert relay is not None
    assert relay.password.reveal() == "the text of /run/secrets/p"


def test_secrets_are_not_shown() -> None:
    """Nothing that prints a stack prints its password."""
    stack = stack_of(SMTP_RELAY_PASSWORD="swordfish")
    assert "swordfish" not in f"{stack} {stack!r} {[stack]}"
    assert (True, False) == (bool(Secret("x")), bool(Secret("")))


def test_several_forwards() -> None:
    """FORWARD_EMAIL may hold several addresses; no relay is direct delivery."""
    stack = read_stack(DIRECT | {"FORWARD_EMAIL": "a@x.org, b@y.org"}, lambda _: "")
    assert (("a@x.org", "b@y.org"), None) == (stack.forward_to, stack.relay)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"MAIL_DOMAIN": ""}, "MAIL_DOMAIN is not given"),
        ({"SMTP_RELAY_PORT": "smtp"}, "SMTP_RELAY_PORT: 'smtp' is not a number"),
        ({"SMTP_RELAY_PASSWORD_FILE": "/no/such"}, "SMTP_RELAY_PASSWORD_FILE: /no/such can't be read: No such file"),
    ],
)
def test_unusable(variables: dict[str, str], words: str) -> None:
    """What can't be used is told with the variable's name."""

    def no_file(path: str) -> str:
        raise FileNotFoundError(2, "No such file or directory", path)

    with pytest.raises(VariableUnusable, match=words):
        read_stack({"MAIL_DOMAIN": "shop.org", "SMTP_RELAY_HOST": "x.org"} | variables, no_file)
