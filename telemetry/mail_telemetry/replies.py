"""A relay's reply, without what Postfix wraps around it in the mail log.

The log has, in parentheses behind `status=`:

    host mx.example.net[192.0.2.1] said: 550-5.1.1 No such 550 5.1.1 user <a@example.com> (in reply to RCPT TO command)

The rules of causes see the stage `rcpt to`, the reply code `550`, the enhanced status code `5.1.1` and the text `no
such user`. Addresses, host names, URLs and ids are removed: `filter.antispam.example` is not a reason.
"""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple


class Stage(StrEnum):
    """The part of the SMTP dialogue in which the reply came."""

    LOGIN = "login"
    GREETING = "greeting"
    EHLO = "ehlo"
    MAIL_FROM = "mail from"
    RCPT_TO = "rcpt to"
    DATA = "data"
    END_OF_DATA = "end of data"
    OTHER = "other"
    """Another command."""
    LOCAL = "local"
    """None: the text is Postfix's own."""


class Reply(NamedTuple):
    """A reply as rules see it.

    Attributes:
        stage: when it came.
        code: the reply code (RFC 5321), as `550`; empty for texts of Postfix.
        status: the enhanced status code (RFC 3463), as `5.1.1`; empty if there is none.
        text: the words, in lower case.
    """

    stage: Stage
    code: str
    status: str
    text: str


_SUSPENDED: Final = "delivery temporarily suspended: "
"""Before the text of the failure for which Postfix does not try a destination."""
_MAYBE_SENT: Final = " while sending end of data -- message may be sent more than once"
_OWN_TROUBLE: Final = ("lost connection with ", "conversation with ")
_SASL: Final = re.compile(
    r"SASL (?:\[CACHED\] )?authentication failed; ?(?:server \S+ said: |cannot authenticate)?", re.IGNORECASE
)
_SAID: Final = re.compile(r"^(?:host|server) \S+(?: \S+)? said: ")
_REFUSED: Final = re.compile(r"^(?:host|server) \S+ refused to talk to me: ")
_IN_REPLY_TO: Final = " (in reply to "
_CODES: Final = re.compile(r"^(\d{3})(?:[ -]|$)(?:#?([245]\.\d{1,3}\.\d{1,3})\b)?")
_STATUS: Final = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
NOT_WORDS: Final = (
    r"https?://\S+"  # URLs
    r"|[^\s<>()]+\[[0-9a-f.:]+\](?::\d+)?|\bname=\S+"  # hosts in texts of Postfix
    r"|<[^<>\s]*>"  # addresses
    r"|[^\s<>()\"']+@[^\s<>()\"',;:]+"
    r"|\b(?:[\w-]+\.)+[a-z]{2,}(?:\[[0-9a-f.:]*\])?(?::\d+)?(?![\w.]*\w)"  # host names
    r"|\[[0-9a-f.:]+\]|\b\d{1,3}(?:\.\d{1,3}){3}\b"  # IP addresses
    r"|\b(?=[\w.-]*\d)(?=[\w.-]*[a-z])[\w.-]{10,}\b"  # ids of a session or message
)
"""Expression for the parts of a reply that are no words. None has a blank; the case of letters does not matter."""
_NOT_WORDS: Final = re.compile(NOT_WORDS, re.IGNORECASE)
_LONGEST_TEXT: Final = 2000
"""Characters of a line that postlogd(8) keeps; longer texts are not written by Postfix."""
LONGEST_WORD: Final = 200
"""Longer words are left out: expressions may take the square of a word's length."""
COMMANDS: Final = {
    "ehlo": Stage.EHLO,
    "helo": Stage.EHLO,
    "mail from": Stage.MAIL_FROM,
    "rcpt to": Stage.RCPT_TO,
    "data": Stage.DATA,
    "end of data": Stage.END_OF_DATA,
    "sending message body": Stage.END_OF_DATA,
    "auth": Stage.LOGIN,
}
"""Commands in `(in reply to … command)`, in lower case, and their stages."""


def read_reply(text: str, dsn: str) -> Reply:
    """Return the reply in the text of a delivery attempt.

    Args:
        text: what the log has in parentheses behind `status=`.
        dsn: the enhanced status code of the log line. Postfix changes it (a wrong password is softened to 4.7.8), so
            that it counts only for Postfix's own texts.
    """
    stage, said = _unwrapped(text[:_LONGEST_TEXT])
    codes = _CODES.match(said) if stage is not Stage.LOCAL else None
    if codes is None:
        return Reply(stage, "", dsn if stage is Stage.LOCAL else "", _joined(said.split()))
    code, status = codes[1], codes[2] or ""
    if not status:
        found = _STATUS.search(said)
        status = found[1] if found else ""
    return Reply(stage, code, status, _joined(_without_codes(said, code, status)))


def is_possible_duplicate(text: str) -> bool:
    """Return whether the recipient may have the mail although the attempt failed, so that a retry sends it again.

    The connection broke, or no reply came, after the whole mail was sent (Postfix: src/smtp/smtp_trouble.c):

        lost connection with mx.example.net[192.0.2.1] while sending end of data -- message may be sent more than once

    Args:
        text: what the log has in parentheses behind `status=`. Only texts of Postfix itself count, not those of a
            server. Attempts that Postfix skipped repeat the text of another mail: leave them out.
    """
    return _MAYBE_SENT in text and text.startswith(_OWN_TROUBLE)


def _unwrapped(text: str) -> tuple[Stage, str]:
    text = text.removeprefix(_SUSPENDED)
    login = _SASL.match(text)
    if login:
        said = text[login.end() :]
        return Stage.LOGIN, said if login[0].endswith("said: ") else text
    text, _, command = text.partition(_IN_REPLY_TO)
    refused = _REFUSED.match(text)
    if refused:
        return Stage.GREETING, text[refused.end() :]
    said_by = _SAID.match(text)
    if not said_by:
        return Stage.LOCAL, text
    name = command.removesuffix(")").removesuffix(" command").lower()
    return COMMANDS.get(name, Stage.OTHER), text[said_by.end() :]


def _without_codes(said: str, code: str, status: str) -> list[str]:
    """Return the words of all lines without the codes that each line repeats: `550-5.1.1 No such 550 5.1.1 user`.

    Postfix writes `?` in place of a line break in some replies.
    """
    prefix, codes = f"{code}-", {"", code, status, f"#{status}"}
    words = said.replace(f"?{code}", f" {code}").split()
    return [text for word in words if (text := word.removeprefix(prefix)) not in codes]


def _joined(words: list[str]) -> str:
    return " ".join([kept for word in words if (kept := _without_names(word))])


@lru_cache(maxsize=4096)
def _without_names(word: str) -> str:
    """Return a word in lower case without the parts that are no words; most words occur in many replies."""
    if len(word) > LONGEST_WORD:
        return ""
    # Most words have letters only, and are kept without a look at the expression, which takes most of the time.
    if word.rstrip(".,:;").isalpha():
        return word.lower()
    return " ".join(_NOT_WORDS.sub(" ", word).lower().split())
