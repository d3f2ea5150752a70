"""The check's own settings, and the mail server's variables as postfix/ reads them (settings.bash)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from mail_check.app_password import WHITE_SPACE, copied_characters, join_app_password
from mail_check.results import error_text

SERVER_DEFAULTS: Final = {
    "MAIL_HOSTNAME": "mail.{MAIL_DOMAIN}",
    "DEFAULT_FROM": "noreply@{MAIL_DOMAIN}",
    "SMTP_RELAY_PORT": "587",
    "SMTP_RELAY_TLS": "auto",
    "USE_TLS": "yes",
    "TLS_VERIFY": "yes",
}
"""As in settings.bash; a contract test compares."""
_IMPLICIT_TLS_PORTS: Final = frozenset({465, 2465})
_BYTE_ORDER_MARK: Final = "\ufeff"
_YES: Final = frozenset({"yes", "true", "on", "1"})


class CheckSettings(BaseSettings):
    """The servers that the check asks in addition to the stack itself."""

    model_config = SettingsConfigDict(env_ignore_empty=True, str_strip_whitespace=True, extra="ignore", frozen=True)

    prometheus_url: str = Field(
        "http://prometheus:9090",
        description="The Prometheus in which `make check` looks for the services and the alert rules.",
        examples=["http://prometheus:9090"],
    )
    alertmanager_url: str = Field(
        "http://alertmanager:9093",
        description="The Alertmanager in which `make check` looks for the route of alerts about mail.",
        examples=["http://alertmanager:9093"],
    )
    ntp_server: str = Field(
        "pool.ntp.org",
        description="The time server with which `make check` compares the clock (UDP port 123).",
        examples=["pool.ntp.org"],
    )


class VariableUnusable(ValueError):
    """A variable that the check needs has no usable value; the message begins with its name."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that neither `str` nor `repr` shows."""

    _value: str

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(***)"


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """The relay and the account there."""

    host: str
    port: int
    username: str
    password: Secret
    ca_file: str | None
    use_tls: bool
    verify: bool
    implicit_tls: bool
    """TLS from the first byte, instead of STARTTLS."""
    sender: str = ""
    """SMTP_RELAY_SENDER: the envelope sender of bounces and forwards; empty: `<>` and forwarded@MAIL_DOMAIN."""


@dataclass(frozen=True, slots=True)
class MailSettings:
    """The mail server's settings. `relay` is None for direct delivery by MX."""

    domain: str
    hostname: str
    default_from: str
    """The address alone."""
    forward_to: tuple[str, ...]
    relay: RelaySettings | None


def read_mail_settings(environ: Mapping[str, str], read_file: Callable[[str], str]) -> MailSettings:
    """Return the mail server's settings; `mail-server check` validates them, this function does not.

    Args:
        environ: the variables.
        read_file: returns the text of a file, for NAME_FILE; raises OSError.

    Raises:
        VariableUnusable: a variable that the check needs is not set, or its value cannot be read.
    """
    domain = _value(environ, "MAIL_DOMAIN").lower()
    if not domain:
        raise VariableUnusable("MAIL_DOMAIN is not set in this container")

    def value(name: str) -> str:
        return _value(environ, name) or SERVER_DEFAULTS.get(name, "").replace("{MAIL_DOMAIN}", domain)

    return MailSettings(
        domain=domain,
        hostname=value("MAIL_HOSTNAME").lower(),
        default_from=parseaddr(value("DEFAULT_FROM"))[1],
        forward_to=tuple(filter(None, re.split(r"[,\s]+", value("FORWARD_EMAIL")))),
        relay=_relay(value, lambda name: _secret(environ, name, read_file)),
    )


def _relay(value: Callable[[str], str], secret: Callable[[str], str]) -> RelaySettings | None:
    host = value("SMTP_RELAY_HOST").lower()
    if not host:
        return None
    username = _typed("SMTP_RELAY_USERNAME", secret("SMTP_RELAY_USERNAME"))
    password = _typed("SMTP_RELAY_PASSWORD", join_app_password(secret("SMTP_RELAY_PASSWORD")))
    port = _number("SMTP_RELAY_PORT", value)
    return RelaySettings(
        host=host,
        port=port,
        username=username,
        password=Secret(password),
        ca_file=value("SMTP_RELAY_CA_FILE") or None,
        use_tls=value("USE_TLS").lower() in _YES,
        verify=value("TLS_VERIFY").lower() in _YES,
        implicit_tls=_implicit_tls(value("SMTP_RELAY_TLS").lower(), port),
        sender=value("SMTP_RELAY_SENDER").lower(),
    )


def _implicit_tls(mode: str, port: int) -> bool:
    """Return whether TLS begins with the first byte, as relay_has_implicit_tls in settings.bash."""
    return port in _IMPLICIT_TLS_PORTS if mode == "auto" else mode == "implicit"


def _value(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name, "").strip()


def _secret(environ: Mapping[str, str], name: str, read_file: Callable[[str], str]) -> str:
    path = _value(environ, f"{name}_FILE")
    if not path:
        return environ.get(name, "").strip(WHITE_SPACE)
    try:
        return read_file(path).removeprefix(_BYTE_ORDER_MARK).strip(WHITE_SPACE)
    except OSError as error:
        raise VariableUnusable(f"{name}_FILE: {path} cannot be read: {error_text(error)}") from error


def _typed(name: str, value: str) -> str:
    """Return the value.

    Raises:
        VariableUnusable: it holds a character that a person can hardly see and did not type.
    """
    if found := copied_characters(value):
        raise VariableUnusable(f"{name}: holds {found[0]}, which pages and word processors add: type the value by hand")
    return value


def _number(name: str, value: Callable[[str], str]) -> int:
    try:
        return int(value(name))
    except ValueError:
        raise VariableUnusable(f"{name}: {value(name)!r} is not a number") from None
