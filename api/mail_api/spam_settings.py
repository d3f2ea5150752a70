"""Settings of the checks against spam: honeypot, fill time, links, captcha."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from mail_api.captcha import HCAPTCHA, TURNSTILE, Provider

HONEYPOT_FIELDS: Final = ("hp_url", "hp_note")
"""`hp_url` is the field of existing forms; some browsers fill it with the visitor's own site. None fills `hp_note`."""
_SECONDS_PER_DAY: Final = 86_400.0
# What editors and clipboards add without showing it: byte order mark, no-break space, zero-width space.
_INVISIBLE: Final = "\ufeff\u00a0\u200b"


def _split_names(value: object) -> object:
    """Return the names of a list that is separated by commas or white space."""
    return tuple(filter(None, re.split(r"[,\s]+", value))) if isinstance(value, str) else value


def _not_empty(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("names no field")
    return names


def _secret_file(variable: str) -> Callable[[str | None, ValidationInfo], str | None]:
    """Return the check of NAME_FILE, which names a file that this process can read, while NAME itself is not set."""

    def check(path: str | None, info: ValidationInfo) -> str | None:
        if path is None:
            return None
        if info.data.get(variable) is not None:
            raise ValueError(f"{variable.upper()} is set as well: keep one of the two")
        if not read_secret(path):
            raise ValueError("is an empty file")
        return path

    return check


def read_secret(path: str) -> str:
    """Return the text of a file, without white space and invisible characters around it.

    Raises:
        ValueError: it cannot be read, or is not UTF-8.
    """
    try:
        return Path(path).read_text("utf-8").strip().strip(_INVISIBLE).strip()
    except (OSError, UnicodeDecodeError):
        raise ValueError("names no text file that user 10001 can read: see secrets/README.md") from None


def _https(url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise ValueError("is not an address that begins with https://")
    return url


Name = Annotated[str, Field(min_length=1, max_length=100)]
Names = Annotated[tuple[Name, ...], NoDecode, BeforeValidator(_split_names), AfterValidator(_not_empty)]
Url = Annotated[str, AfterValidator(_https)]


class SpamSettings(BaseSettings):
    """The variables of the checks against spam."""

    model_config = SettingsConfigDict(env_ignore_empty=True, str_strip_whitespace=True, extra="ignore", frozen=True)

    honeypot_field: Names = Field(
        default=HONEYPOT_FIELDS,
        description="Hidden form fields, separated by commas: a request that fills one is answered 200 and not sent.",
        examples=["hp_url,hp_note"],
        json_schema_extra={"default_text": "hp_url,hp_note"},
    )
    honeypot_keep_days: float = Field(
        default=7,
        ge=0,
        le=90,
        description="How many days a caught mail is kept, so that it can be released; 0: none is kept.",
        examples=[7],
    )
    min_fill_seconds: float = Field(
        default=2,
        ge=0,
        le=60,
        description="Minimum time between `form_opened_at` and the request, if a form sends that field; below it: 429.",
        examples=[2],
    )
    max_links: int | None = Field(
        default=None,
        ge=0,
        description="Maximum number of different links in a request without an API key; above: 400. Empty: no limit.",
        examples=[5],
    )
    turnstile_secret: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="Secret key of a Cloudflare Turnstile widget: requests without an API key then need its token.",
        examples=["0x4AAA..."],
    )
    turnstile_secret_file: Annotated[str | None, AfterValidator(_secret_file("turnstile_secret"))] = Field(
        default=None,
        description="A file that contains this key, for example `/run/api-secrets/turnstile`.",
        examples=["/run/api-secrets/turnstile"],
    )
    hcaptcha_secret: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="The same for hCaptcha. With both set, a request needs the token of one of them.",
        examples=["ES_..."],
    )
    hcaptcha_secret_file: Annotated[str | None, AfterValidator(_secret_file("hcaptcha_secret"))] = Field(
        default=None,
        description="A file that contains this key, for example `/run/api-secrets/hcaptcha`.",
        examples=["/run/api-secrets/hcaptcha"],
    )
    captcha_timeout_seconds: float = Field(
        default=5, gt=0, le=30, description="How long a request waits for the captcha provider.", examples=[5]
    )
    captcha_fail_open: bool = Field(
        default=False,
        description="`true` sends mails even if the captcha provider gives no valid answer; otherwise they get 503.",
        examples=["true"],
    )
    turnstile_url: Url = Field(
        default=TURNSTILE.url, description="Where tokens of Turnstile are verified.", examples=[TURNSTILE.url]
    )
    hcaptcha_url: Url = Field(
        default=HCAPTCHA.url, description="Where tokens of hCaptcha are verified.", examples=[HCAPTCHA.url]
    )

    @property
    def honeypot_fields(self) -> tuple[str, ...]:
        """HONEYPOT_FIELD, which holds one name or several."""
        return self.honeypot_field

    @property
    def honeypot_keep_seconds(self) -> float:
        """HONEYPOT_KEEP_DAYS in seconds."""
        return self.honeypot_keep_days * _SECONDS_PER_DAY

    def captcha_providers(self) -> list[tuple[Provider, str]]:
        """Return the captcha providers that are set up, each with its secret; files are read again.

        Raises:
            ValueError: a file cannot be read any more.
        """
        found = (
            (TURNSTILE, self.turnstile_url, self.turnstile_secret, self.turnstile_secret_file),
            (HCAPTCHA, self.hcaptcha_url, self.hcaptcha_secret, self.hcaptcha_secret_file),
        )
        return [
            (provider._replace(url=url), secret.get_secret_value() if secret else read_secret(path or ""))
            for provider, url, secret, path in found
            if secret or path
        ]
