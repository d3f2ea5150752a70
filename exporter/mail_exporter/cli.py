"""The command line: `mail-exporter run | check | replay | explain`."""

import os
import sys
from contextlib import closing
from enum import StrEnum
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer
from loguru import logger
from prometheus_client import CollectorRegistry, generate_latest

from mail_exporter import check as checks
from mail_exporter import service
from mail_exporter.explain import explain as explanation
from mail_exporter.queue import QueueUnavailable, read_queue
from mail_exporter.replay import replay as replayed
from mail_exporter.settings import Settings
from mail_exporter.summary import summary
from mail_ledger import Ledger, LedgerError
from mail_telemetry import configuration

_MEGABYTE: Final = 1 << 20

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


class Format(StrEnum):
    """What `replay` prints."""

    SUMMARY = "summary"
    EXPOSITION = "exposition"


@app.callback()
def commands() -> None:
    """Turn the Postfix log and queue into metrics and traces.

    Settings come from the environment: docs/environment-variables.md.
    """


@app.command()
def run() -> None:
    """Follow the log and serve /metrics until SIGTERM."""
    service.run(configuration.load_or_stop(Settings))


@app.command()
def check() -> None:
    """Look at everything that is needed, and say what to do about what is not there; exit status 1 then."""
    failed = False
    for finding in checks.check(configuration.load_or_stop(Settings), os.environ):
        if finding.problem is None:
            typer.echo(f"ok      {finding.what}")
        else:
            failed = True
            typer.echo(f"FAILED  {finding.what}: {finding.problem}\n        {finding.fix}")
    raise typer.Exit(int(failed))


@app.command()
def replay(
    files: Annotated[list[str], typer.Argument(help="Logs in their order; .gz too; - for standard input.")],
    format: Annotated[Format, typer.Option(help="What to print.")] = Format.SUMMARY,  # noqa: A002 - the option's name
    tz: Annotated[str, typer.Option(help="Time zone of the stamps, as Europe/Berlin.")] = "UTC",
    year: Annotated[
        int | None, typer.Option(help="Year in which the log ends; the latest possible by default.")
    ] = None,
) -> None:
    """Take logs through at once and print what they amount to. Nothing is stored."""
    settings = configuration.load_or_stop(Settings)
    logger.remove()  # what it would say stands in the summary
    registry = CollectorRegistry()
    try:
        metrics, not_understood = replayed(
            files,
            registry,
            relay=settings.smtp_relay_host,
            zone=ZoneInfo(tz),
            year=year,
            syslog_names=settings.syslog_names,
            progress=_show_progress if sys.stderr.isatty() else lambda _: None,
        )
    except (OSError, ValueError, LookupError) as error:
        configuration.stop(f"mail-exporter replay: {error}")
    text = summary(metrics, not_understood) if format is Format.SUMMARY else generate_latest(registry).decode()
    typer.echo(text, nl=False)


@app.command()
def explain(
    name: Annotated[str, typer.Argument(help="A queue id, a Message-ID, or the id that POST /send returned.")],
) -> None:
    """Tell the life of one mail: what was tried, why it waits, whether a retry can succeed, what to do."""
    settings = configuration.load_or_stop(Settings)
    try:
        with closing(Ledger.open(settings.ledger_url)) as ledger:
            found = [(mail, ledger.attempts(mail.id)) for mail in ledger.find_messages(name)]
    except LedgerError as error:
        configuration.stop(f"LEDGER_URL: {error}")
    if not found:
        typer.echo(f"no mail is called {name}: is it a queue id, a Message-ID or msg_..., and still in the ledger?")
        raise typer.Exit(1)
    try:
        queue = read_queue(settings.queue_host, settings.queue_port, settings.queue_timeout_seconds)
    except QueueUnavailable:
        queue = None
    for mail, attempts in found:
        its_queue = queue if mail.server == settings.server else None  # another server's queue is not ours to see
        queued = next((one for one in its_queue or () if one.queue_id == mail.queue_id), None)
        typer.echo(explanation(mail, attempts, queued, queue_known=its_queue is not None))


def _show_progress(done: int) -> None:
    typer.echo(f"\r{done / _MEGABYTE:,.0f} MiB read\033[K", err=True, nl=False)
