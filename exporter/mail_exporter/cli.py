"""Command line: `mail-exporter run | check | replay | explain | classify`."""

import os
import sys
from contextlib import closing
from enum import StrEnum
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer
from loguru import logger
from prometheus_client import CollectorRegistry, generate_latest

from mail_exporter.collectors.queue import QueueUnavailable, read_queue
from mail_exporter.explain import explain as explain_mail
from mail_exporter.prerequisites import check_prerequisites
from mail_exporter.replay import replay as replay_logs
from mail_exporter.replay import summary
from mail_exporter.run import run as run_exporter
from mail_exporter.settings import Settings
from mail_ledger import Ledger, LedgerError
from mail_telemetry import configuration
from mail_telemetry.cause_rules import classifier_or_stop
from mail_telemetry.causes import EXPLANATIONS

_MEGABYTE: Final = 1 << 20

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


class Format(StrEnum):
    """What `replay` prints."""

    SUMMARY = "summary"
    EXPOSITION = "exposition"


@app.callback()
def commands() -> None:
    """Export metrics and traces of the Postfix log and queue.

    Settings are environment variables: docs/environment-variables.md.
    """


@app.command()
def run() -> None:
    """Follow the log and serve /metrics until SIGTERM."""
    run_exporter(configuration.load_or_stop(Settings))


@app.command()
def check() -> None:
    """Check everything that the exporter needs; print a fix for each problem, and exit with status 1 after one."""
    failed = False
    for found in check_prerequisites(configuration.load_or_stop(Settings), os.environ):
        if found.problem is None:
            typer.echo(f"ok      {found.name}")
        else:
            failed = True
            typer.echo(f"FAILED  {found.name}: {found.problem}\n        {found.fix}")
    raise typer.Exit(int(failed))


@app.command()
def replay(
    files: Annotated[list[str], typer.Argument(help="Log files, oldest first, plain or .gz; - for standard input.")],
    format: Annotated[Format, typer.Option(help="Output format.")] = Format.SUMMARY,  # noqa: A002 - the option's name
    tz: Annotated[str, typer.Option(help="Time zone of the timestamps, such as Europe/Berlin.")] = "UTC",
    year: Annotated[
        int | None, typer.Option(help="Year of the last line; by default the latest possible year.")
    ] = None,
) -> None:
    """Process existing logs and print metrics or a summary. Nothing is stored."""
    settings = configuration.load_or_stop(Settings)
    logger.remove()  # the summary has the same information
    registry = CollectorRegistry()
    try:
        metrics, not_understood = replay_logs(
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
    """Explain one mail: its attempts, why it waits, whether a retry can succeed, and the next step."""
    settings = configuration.load_or_stop(Settings)
    classifier = classifier_or_stop(settings.cause_rules_file)
    try:
        with closing(Ledger.open(settings.ledger_url)) as ledger:
            found = [(mail, ledger.attempts(mail.id)) for mail in ledger.find_messages(name)]
    except LedgerError as error:
        configuration.stop(f"LEDGER_URL: {error}")
    if not found:
        typer.echo(f"no mail found for {name}: it must be a queue id, a Message-ID or msg_..., and still in the ledger")
        raise typer.Exit(1)
    try:
        queue = read_queue(settings.queue_host, settings.queue_port, settings.queue_timeout_seconds)
    except QueueUnavailable:
        queue = None
    for mail, attempts in found:
        listing = queue if mail.server == settings.server else None  # the queue of another server can't be read here
        queued = next((one for one in listing or () if one.queue_id == mail.queue_id), None)
        typer.echo(explain_mail(mail, attempts, queued, classifier, queue_known=listing is not None))


@app.command()
def classify(
    text: Annotated[str, typer.Argument(help="What the log has in parentheses behind status=, or a relay's reply.")],
    dsn: Annotated[str, typer.Option(help="The enhanced status code of the log line, such as 4.7.8.")] = "",
) -> None:
    """Print the cause of a failed delivery, the rule that decided, whether a retry can succeed, and the next step."""
    settings = configuration.load_or_stop(Settings)
    found = classifier_or_stop(settings.cause_rules_file).diagnose(text, dsn)
    typer.echo(f"cause      {found.cause.value}: {EXPLANATIONS[found.cause].meaning}")
    typer.echo(f"rule       {found.rule}")
    typer.echo(f"retry      {'can' if found.retry_can_succeed else 'cannot'} succeed without a change")
    typer.echo(f"next step  {found.next_step}")


def _show_progress(done: int) -> None:
    typer.echo(f"\r{done / _MEGABYTE:,.0f} MiB read\033[K", err=True, nl=False)
