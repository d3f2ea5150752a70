"""Whether mail leaves under the name it was given: Gmail writes its account into From."""

from typing import Final

from mail_check.finding import Verdict, ok, warning
from mail_telemetry.masking import mask_address

NAME: Final = "DEFAULT_FROM"
_GMAIL: Final = ("gmail.com", "google.com", "googlemail.com")
_WORKSPACE: Final = "smtp-relay.gmail.com"
"""Google's other relay takes any sender of the customer's domains."""
_SIGNATURE: Final = "gsmtp"
"""What Gmail's answers end with; the sandbox's do, too."""


def rewrites(host: str, said: str) -> bool:
    """Tell whether a relay is known to write its account into From, by its name or by what it said."""
    by_name = any(host == name or host.endswith(f".{name}") for name in _GMAIL)
    return host != _WORKSPACE and (by_name or _SIGNATURE in said)


def sender(default_from: str, account: str, *, rewrites: bool) -> Verdict:
    """Judge DEFAULT_FROM by the relay's account; support.google.com/mail/answer/22370 is about aliases."""
    shown = mask_address(default_from)
    if default_from.lower() == account.lower():
        return ok(f"{shown} is the relay's account", name=NAME)
    if not rewrites:
        return ok(f"{shown} is not the relay's account, and this relay is not known to mind", name=NAME)
    return warning(
        f"{shown} is not the relay's account: Gmail writes {mask_address(account)} into From, except for its aliases",
        "Set DEFAULT_FROM to SMTP_RELAY_USERNAME's address, or see that it is an alias there "
        "(Gmail: Settings, Accounts, Send mail as).",
        name=NAME,
    )
