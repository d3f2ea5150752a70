"""Command line `mail-ledger`: API keys, caught mails, backup, restore, retention and status of the ledger."""

import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from sqlalchemy import Engine, Row, func, select

from mail_ledger import backup as backups
from mail_ledger import migrations
from mail_ledger.api_keys import ApiKey, ApiKeys
from mail_ledger.caught_cli import DEFAULT_URL, Url, caught_app
from mail_ledger.engine import LedgerError, opened_engine, reading, url_without_secrets, writing
from mail_ledger.key_limits import KeyLimits
from mail_ledger.log_positions import forget_server as forget_log_positions
from mail_ledger.prune import prune as prune_engine
from mail_ledger.quota import RelayQuota
from mail_ledger.tables import api_key, attempt, caught_mail, log_position, message, submission

_STREAM: Final = Path("-")
_KEY_HEADINGS: Final = ("NAME", "PREFIX", "STATE", "DAILY", "PER MINUTE", "SENDERS", "RELEASE", "CREATED", "LAST USED")
_COUNTED: Final = {
    "mails of the log": message,
    "delivery attempts": attempt,
    "mails of the API": submission,
    "API keys": api_key,
    "caught mails": caught_mail,
}

app = typer.Typer(add_completion=False, no_args_is_help=True)
keys_app = typer.Typer(no_args_is_help=True, help="Create, list and revoke API keys.")
app.add_typer(keys_app, name="api-key")
app.add_typer(caught_app, name="caught")


@app.callback()
def commands() -> None:
    """Manage the ledger. Every command uses the database of LEDGER_URL."""


@keys_app.command("create")
def create_key(  # noqa: PLR0913 - each is an option of the command
    name: Annotated[str, typer.Argument(help="The key's name, in lists and in the ledger.")],
    *,
    important: Annotated[bool, typer.Option("--important", help="Its mails may use QUOTA_RESERVE.")] = False,
    release: Annotated[bool, typer.Option("--release", help="It may read and release caught mails.")] = False,
    daily: Annotated[int | None, typer.Option(min=1, help="Most recipients in 24 hours.")] = None,
    per_minute: Annotated[int | None, typer.Option(min=1, help="Most requests in a minute.")] = None,
    sender: Annotated[
        list[str] | None, typer.Option(help="An address or domain that is allowed in From; can be repeated.")
    ] = None,
    url: Url = DEFAULT_URL,
) -> None:
    """Create a key and print it, once: the ledger stores only its hash."""
    limits = KeyLimits(recipients_per_day=daily, requests_per_minute=per_minute)
    with opened_engine(url) as engine:
        try:
            plain = ApiKeys(engine).create(
                name, important=important, may_release=release, limits=limits, allowed_senders=sender or ()
            )
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    typer.echo(plain)
    typer.echo("Store it now: it can't be shown again.", err=True)


@keys_app.command("list")
def list_keys(url: Url = DEFAULT_URL) -> None:
    """List all keys, without their secrets."""
    with opened_engine(url) as engine:
        typer.echo(_key_table(ApiKeys(engine).list()))


@keys_app.command("revoke")
def revoke_key(
    name: Annotated[str, typer.Argument(help="The key's name.")],
    url: Url = DEFAULT_URL,
) -> None:
    """Revoke a key at once; no service needs a restart."""
    with opened_engine(url) as engine:
        ApiKeys(engine).revoke(name)
    typer.echo(f"{name} is revoked")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; - is standard output.")],
    *,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Copy an SQLite ledger into one file, while it is in use."""
    if file != _STREAM:
        backups.backup(url, file, overwrite=overwrite)
        typer.echo(f"{file}: {file.stat().st_size} bytes, checked", err=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "ledger.db")
        backups.backup(url, copy)
        with copy.open("rb") as content:
            shutil.copyfileobj(content, sys.stdout.buffer)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="The backup; - is standard input.")],
    url: Url = DEFAULT_URL,
) -> None:
    """Restore a backup. Stop the services first."""
    if file != _STREAM:
        backups.restore(url, file)
    else:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, "ledger.db")
            with copy.open("wb") as content:
                shutil.copyfileobj(sys.stdin.buffer, content)
            backups.restore(url, copy)
    typer.echo(f"restored {url_without_secrets(url)} from the backup", err=True)


@app.command()
def prune(
    days: Annotated[float, typer.Option(envvar="LEDGER_RETENTION_DAYS", min=0, help="Age in days to keep.")] = 30,
    url: Url = DEFAULT_URL,
) -> None:
    """Delete old mails in small batches. Mails in the queue and those of the last day are kept."""
    with opened_engine(url) as engine:
        pruned = prune_engine(engine, days)
    typer.echo(f"deleted {pruned.messages} mails of the log, {pruned.submissions} of the API")


@app.command()
def forget_server(
    name: Annotated[str, typer.Argument(help="The server's MAIL_HOSTNAME, as `status` shows it.")],
    url: Url = DEFAULT_URL,
) -> None:
    """Remove a mail server that no longer exists, with the mails in its queue. Stop its exporter first."""
    with opened_engine(url) as engine, writing(engine, f"forget {name}") as connection:
        closed = forget_log_positions(connection, name.lower(), time.time())
    typer.echo(f"{name} is forgotten; {closed} mails were in its queue")


@app.command()
def status(url: Url = DEFAULT_URL) -> None:
    """Show row counts, log positions and how much of the relay's quota is used."""
    with opened_engine(url) as engine:
        typer.echo(_overview(engine, url_without_secrets(url)))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; an error is one line on stderr and exit status 1, or 2 for an unsupported command."""
    try:
        app(args=arguments)
    except LedgerError as error:
        typer.echo(str(error), err=True)
        sys.exit(2 if isinstance(error, backups.NotSqlite) else 1)


def _key_table(keys: Sequence[ApiKey]) -> str:
    if not keys:
        return "There is no key yet: mail-ledger api-key create NAME"
    rows = [_KEY_HEADINGS, *(_key_row(key) for key in keys)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _key_row(key: ApiKey) -> tuple[str, ...]:
    return (
        key.name,
        f"dm_{key.prefix}_...",
        "revoked" if key.revoked is not None else "important" if key.important else "valid",
        str(key.limits.recipients_per_day or "-"),
        str(key.limits.requests_per_minute or "-"),
        ",".join(key.allowed_senders) or "-",
        "yes" if key.may_release else "-",
        _time(key.created),
        "never" if key.last_used is None else _time(key.last_used),
    )


def _overview(engine: Engine, name: str) -> str:
    with reading(engine, "read the ledger") as connection:
        lines = [("ledger", name), ("schema", str(migrations.revision(connection)))]
        for label, table in _COUNTED.items():
            lines.append((label, str(connection.execute(select(func.count()).select_from(table)).scalar_one())))
        is_open = message.c.closed.is_(None)
        queued = connection.execute(select(func.count()).select_from(message).where(is_open)).scalar_one()
        lines.append(("mails in the queue", str(queued)))
        lines += [
            (f"read of {_log(position)}", f"{position.offset} bytes, {_time(position.stored_at)}")
            for position in connection.execute(select(log_position).order_by(log_position.c.server))
        ]
    quota = RelayQuota(engine, limit=1).read()
    lines.append(("taken by the relay in 24 h", f"{quota.used} recipients, {quota.in_queue} more are on their way"))
    return _aligned(lines)


def _aligned(lines: Iterable[tuple[str, str]]) -> str:
    known = list(lines)
    width = max(len(label) for label, _ in known)
    return "\n".join(f"{label.ljust(width)}  {value}" for label, value in known)


def _log(position: Row[Any]) -> str:
    return f"{position.server}:{position.log}" if position.server else str(position.log)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
