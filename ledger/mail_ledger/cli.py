"""The command line `mail-ledger`: API keys, backup and restore, retention, and a look at what there is."""

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from mail_ledger import backup as copies
from mail_ledger import positions, report
from mail_ledger.api_key import KeyLimits
from mail_ledger.connections import described
from mail_ledger.engine import LedgerError
from mail_ledger.keys import Keys
from mail_ledger.prune import prune as prune_engine
from mail_ledger.transactions import writing

_STREAM: Final = Path("-")

app = typer.Typer(add_completion=False, no_args_is_help=True)
keys_app = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")
app.add_typer(keys_app, name="api-key")

Url = Annotated[
    str,
    typer.Option(envvar="LEDGER_URL", metavar="URL", help="The database, as an SQLAlchemy URL.", show_default=False),
]
DEFAULT_URL: Final = "sqlite:////var/lib/mail-ledger/ledger.db"


@app.callback()
def commands() -> None:
    """Look after the ledger. Every command takes its database from LEDGER_URL."""


@keys_app.command("create")
def create_key(  # noqa: PLR0913 - each is an option of the command
    name: Annotated[str, typer.Argument(help="What the key is called, in lists and in the ledger.")],
    *,
    important: Annotated[bool, typer.Option("--important", help="Its mails may use QUOTA_RESERVE.")] = False,
    daily: Annotated[int | None, typer.Option(min=1, help="Most recipients in 24 hours.")] = None,
    per_minute: Annotated[int | None, typer.Option(min=1, help="Most requests in a minute.")] = None,
    sender: Annotated[
        list[str] | None, typer.Option(help="An address or domain that may stand in From; can be repeated.")
    ] = None,
    url: Url = DEFAULT_URL,
) -> None:
    """Print a new key, once: the ledger keeps only its hash."""
    limits = KeyLimits(recipients_per_day=daily, requests_per_minute=per_minute)
    with report.engine_of(url) as engine:
        try:
            plain = Keys(engine).create(name, important=important, limits=limits, allowed_senders=sender or ())
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    typer.echo(plain)
    typer.echo("Store it now: it can't be shown again.", err=True)


@keys_app.command("list")
def list_keys(url: Url = DEFAULT_URL) -> None:
    """Show all keys, without their secrets."""
    with report.engine_of(url) as engine:
        typer.echo(report.key_table(Keys(engine).list()))


@keys_app.command("revoke")
def revoke_key(
    name: Annotated[str, typer.Argument(help="The key's name.")],
    url: Url = DEFAULT_URL,
) -> None:
    """Make a key worthless at once; no service has to be restarted."""
    with report.engine_of(url) as engine:
        Keys(engine).revoke(name)
    typer.echo(f"{name} is revoked")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where to; - is standard output.")],
    *,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Copy an SQLite ledger into one file, while it is in use."""
    if file != _STREAM:
        copies.backup(url, file, overwrite=overwrite)
        typer.echo(f"{file}: {file.stat().st_size} bytes, checked", err=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "ledger.db")
        copies.backup(url, copy)
        with copy.open("rb") as content:
            shutil.copyfileobj(content, sys.stdout.buffer)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="The backup; - is standard input.")],
    url: Url = DEFAULT_URL,
) -> None:
    """Put a backup back. The services have to be stopped."""
    if file != _STREAM:
        copies.restore(url, file)
    else:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, "ledger.db")
            with copy.open("wb") as content:
                shutil.copyfileobj(sys.stdin.buffer, content)
            copies.restore(url, copy)
    typer.echo(f"{described(url)} is what the backup is", err=True)


@app.command()
def prune(
    days: Annotated[float, typer.Option(envvar="LEDGER_RETENTION_DAYS", min=0, help="What is older goes.")] = 30,
    url: Url = DEFAULT_URL,
) -> None:
    """Forget old mails, in small steps; what is in the queue stays, and a day in any case."""
    with report.engine_of(url) as engine:
        pruned = prune_engine(engine, days)
    typer.echo(f"deleted {pruned.messages} mails of the log, {pruned.submissions} of the API")


@app.command()
def forget_server(
    name: Annotated[str, typer.Argument(help="Its MAIL_HOSTNAME, as `status` shows it.")],
    url: Url = DEFAULT_URL,
) -> None:
    """Give up a mail server that is no more, with what was in its queue. Its exporter has to be stopped."""
    with report.engine_of(url) as engine, writing(engine, f"forget {name}") as connection:
        closed = positions.forget(connection, name.lower(), time.time())
    typer.echo(f"{name} is forgotten; {closed} mails were in its queue")


@app.command()
def status(url: Url = DEFAULT_URL) -> None:
    """Show what the ledger holds, and how much of the relay's quota is used."""
    with report.engine_of(url) as engine:
        typer.echo(report.overview(engine, described(url)))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; what fails is one line on stderr and status 1, or 2 when the command can't be done here."""
    try:
        app(args=arguments)
    except LedgerError as error:
        typer.echo(str(error), err=True)
        sys.exit(2 if isinstance(error, copies.NotSqlite) else 1)
