"""Which fields of a request belong to the API, which to the form's own protection, and which to the mail."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from mail_api.access import OPENED_AT
from mail_api.extra_fields import parse_extra_fields
from mail_api.schemas import SendRequest
from mail_api.settings import Settings

FIELDS: Final = "fields"
REDIRECT: Final = "redirect"
METADATA: Final = "metadata"
ATTACHMENTS: Final = "attachments"
_EXPLICIT: Final = f"{FIELDS}."
_TAG: Final = f"{METADATA}."
_OWN: Final = frozenset(field.alias or name for name, field in SendRequest.model_fields.items())
# Names that the providers' documentation gives for the token in a form, 2026-11.
CAPTCHA_TOKENS: Final = frozenset(
    {
        "altcha",
        "cf-turnstile-response",
        "frc-captcha-response",
        "frc-captcha-solution",
        "g-recaptcha-response",
        "h-captcha-response",
        "mcaptcha__token",
        "mtcaptcha-verifiedtoken",
        "smart-token",
    }
)
"""Fields of captcha services: ALTCHA, Turnstile, Friendly Captcha, reCAPTCHA, hCaptcha, mCaptcha, MTCaptcha, Yandex."""
_MOST_IGNORED: Final = 20
_NAME_IN_ANSWERS: Final = 60


def honeypots_of(settings: Settings) -> tuple[str, ...]:
    """Return the names of the honeypot fields."""
    return (settings.honeypot_field,)


def is_protection(name: str, honeypots: Iterable[str]) -> bool:
    """Return whether a field protects or steers the form, and so is never part of a mail.

    These are the honeypots, the time of opening, the redirect, captcha tokens, and names that begin with `_`.
    """
    return name.startswith("_") or name in {OPENED_AT, REDIRECT, *CAPTCHA_TOKENS, *honeypots}


def sort_fields(
    payload: Mapping[str, Any], honeypots: Iterable[str], *, is_form: bool, is_automatic: bool
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the payload of /send with its extra fields in `fields`, and the names of fields that are ignored.

    Args:
        payload: the decoded body.
        honeypots: names of the honeypot fields.
        is_form: whether the body is an HTML form. In a form, `fields.NAME` always is an extra field; JSON has `fields`.
        is_automatic: whether a form's unknown fields are extra fields too.

    Raises:
        InvalidRequest: an extra field of a form cannot be used.
    """
    known = {name: value for name, value in payload.items() if _is_known(name, is_form=is_form)}
    others = [
        (name, value)
        for name, value in payload.items()
        if name not in known and not _is_hidden(name, payload, honeypots)
    ]
    if not is_form:
        # JSON has no empty fields of buttons and browsers: null is the only value that stands for an absent field.
        return known, _shown(name for name, value in others if value is not None)
    extra = [(name.removeprefix(_EXPLICIT), value) for name, value in others if is_automatic or _is_explicit(name)]
    ignored = _shown(name for name, _ in others if not is_automatic and not _is_explicit(name))
    return known | {FIELDS: parse_extra_fields(extra)}, ignored


def form_fields(payload: Mapping[str, Any], honeypots: Iterable[str]) -> Iterator[tuple[str, object]]:
    """Yield the fields of a request to a form that has a file: all but files, tags and what protects the form."""
    for name, value in payload.items():
        is_part = (name == METADATA and isinstance(value, Mapping)) or (name == ATTACHMENTS and isinstance(value, list))
        if not is_part and not _is_hidden(name, payload, honeypots):
            yield name, value


def _is_known(name: str, *, is_form: bool) -> bool:
    return name in _OWN and not (is_form and name == FIELDS)


def _is_explicit(name: str) -> bool:
    return name.startswith(_EXPLICIT) and len(name) > len(_EXPLICIT)


def _is_hidden(name: str, payload: Mapping[str, Any], honeypots: Iterable[str]) -> bool:
    is_tag = name.startswith(_TAG) and isinstance(payload.get(METADATA), Mapping)
    return is_tag or is_protection(name, honeypots)


def _shown(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name[:_NAME_IN_ANSWERS] for name in names)[:_MOST_IGNORED]
