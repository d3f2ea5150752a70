"""Command line `mail-ledger caught`: list, show and release mails that the honeypot caught."""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from mail_ledger.caught_mails import CaughtMail, CaughtMails
from mail_ledger.engine import LedgerError, opened_engine
from mail_ledger.tables import CaughtState

DEFAULT_URL: Final = "sqlite:////var/lib/mail-ledger/ledger.db"
Url = Annotated[
    str,
    typer.Option(envvar="LEDGER_URL", metavar="URL", help="The database, as an SQLAlchemy URL.", show_default=False),
]
_Id = Annotated[str, typer.Argument(metavar="ID", help="The mail's id, msg_..., as the list shows it.")]
_HEADINGS: Final = ("ID", "CAUGHT", "STATE", "FIELD", "FROM", "SUBJECT")
_LONGEST_CELL: Final = 40
_POLL_SECONDS: Final = 0.2

caught_app = typer.Typer(no_args_is_help=True, help="List, show and release mails that the honeypot caught.")


@caught_app.command("list")
def list_caught(url: Url = DEFAULT_URL) -> None:
    """List the caught mails, newest first. HONEYPOT_KEEP_DAYS sets how long they are kept."""
    with opened_engine(url) as engine:
        typer.echo(_table(CaughtMails(engine).newest()))


@caught_app.command("show")
def show_caught(message_id: _Id, url: Url = DEFAULT_URL) -> None:
    """Print a caught mail as JSON: its fields, and why it was caught."""
    with opened_engine(url) as engine:
        found = _existing(CaughtMails(engine).get(message_id), message_id)
    typer.echo(_escaped(json.dumps(_details(found), indent=2, ensure_ascii=False)))


@caught_app.command("release")
def release_caught(
    message_id: _Id,
    *,
    seconds: Annotated[float, typer.Option(min=0, help="How long to wait for the API to send it.")] = 20,
    url: Url = DEFAULT_URL,
) -> None:
    """Let the API send a caught mail, once. The API does it within seconds, or when it runs again."""
    with opened_engine(url) as engine:
        mails = CaughtMails(engine)
        _existing(mails.request(message_id), message_id)
        found = _awaited(lambda: mails.get(message_id), seconds)
    if found is None:
        raise LedgerError("release the mail", f"{message_id} was deleted meanwhile")
    typer.echo(_outcome(found), err=found.state is not CaughtState.RELEASED)
    if found.state is CaughtState.CAUGHT:
        sys.exit(1)


def _awaited(read: Callable[[], CaughtMail | None], seconds: float) -> CaughtMail | None:
    """Return the mail once its first attempt has ended, or after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        found = read()
        has_ended = found is None or found.state is not CaughtState.REQUESTED or found.code is not None
        if has_ended or time.monotonic() >= end:
            return found
        time.sleep(_POLL_SECONDS)


def _outcome(found: CaughtMail) -> str:
    match found.state:
        case CaughtState.RELEASED:
            return f"{found.id} is released as {found.released_as}"
        case CaughtState.CAUGHT:
            return f"{found.id} was not sent: {found.code} (docs/api-reference.md#answers)"
        case _:
            reason = f" ({found.code})" if found.code else "; does mail-api run?"
            again = f" at {_time(found.next_attempt)}" if found.code and found.next_attempt else ""
            return f"{found.id} is requested, and not sent yet{reason}; the API tries it{again or ' when it runs'}"


def _existing(found: CaughtMail | None, message_id: str) -> CaughtMail:
    if found is None:
        raise LedgerError("find the mail", f"there is no caught mail {message_id}; mail-ledger caught list")
    return found


def _details(found: CaughtMail) -> Mapping[str, Any]:
    return {
        "id": found.id,
        "caught": _time(found.caught),
        "state": found.state,
        "field": found.field,
        "code": found.code,
        "released_as": found.released_as,
        "files": found.files,
        "mail": found.mail,
    }


def _escaped(text: str) -> str:
    """Return JSON whose invisible characters are escaped: they could hide or overwrite text of a terminal."""
    return "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text)


def _table(mails: Sequence[CaughtMail]) -> str:
    if not mails:
        return "There is no caught mail."
    rows = [_HEADINGS, *(_row(mail) for mail in mails)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _row(found: CaughtMail) -> tuple[str, ...]:
    writer = found.mail.get("from")
    sender = writer.get("address", "") if isinstance(writer, Mapping) else writer
    state = f"{found.state}: {found.code}" if found.code else str(found.state)
    return (
        found.id,
        _time(found.caught),
        state,
        _cell(found.field),
        _cell(sender or "-"),
        _cell(found.mail.get("subject") or "-"),
    )


def _cell(value: object) -> str:
    """Return the value in one line of printable characters: it comes from any caller."""
    text = "".join(character if character.isprintable() else "?" for character in str(value))
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
