"""The command line `mail-check`: looks at everything at once, and says what is wrong and what to do."""

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from mail_check import catalogue, report
from mail_check.finding import Area, Finding, exit_status, failed
from mail_check.host import Host, parse_host
from mail_check.look import Look, run
from mail_check.settings import Settings
from mail_check.stack import VariableUnusable, read_stack
from mail_telemetry import configuration

SECONDS: Final = 20.0


def main(argv: Sequence[str] | None = None) -> int:
    """Look at everything and print what came of it; return the exit status."""
    arguments = _parser().parse_args(argv)
    looks = _looks(parse_host(sys.stdin) if arguments.host_facts else None)
    print(f"mail-check: {len(looks)} looks, {arguments.seconds:g} s at most", file=sys.stderr)  # noqa: T201 - progress
    found = run(looks, arguments.seconds)
    findings = list(found) if arguments.json else _told(found)
    print(report.as_json(findings) if arguments.json else f"\n{report.summary(findings)}")  # noqa: T201 - its output
    return exit_status(findings)


def _looks(host: Host | None) -> list[Look]:
    settings = configuration.load_or_stop(Settings)
    try:
        stack = read_stack(os.environ, lambda path: Path(path).read_text(encoding="utf-8"))
    except VariableUnusable as problem:
        verdict = failed(str(problem), "Set it as .env.mail shows; DNS and the relay are looked at then.")
        return [
            Look(Area.CONFIGURATION, "variables", lambda: [verdict]),
            *catalogue.looks(settings, None, host, os.environ),
        ]
    return catalogue.looks(settings, stack, host, os.environ)


def _told(found: Iterable[Finding]) -> list[Finding]:
    """Print the findings as they come, and return them."""
    findings: list[Finding] = []

    def passed_on() -> Iterable[Finding]:
        for finding in found:
            findings.append(finding)
            yield finding

    for line in report.lines(passed_on()):
        print(line, flush=True)  # noqa: T201 - its output
    return findings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mail-check",
        description=__doc__,
        epilog="exit status: 0 nothing failed; 1 something did; 2 nothing did, but not all could be looked at, or the "
        "command was called wrongly. Warnings change nothing about it.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines (docs/check.md)")
    parser.add_argument(
        "--seconds", type=_positive, default=SECONDS, metavar="N", help="how long to look at most (default: 20)"
    )
    parser.add_argument(
        "--host-facts", action="store_true", help="standard input holds what only the host knows; `make check` does it"
    )
    return parser


def _positive(text: str) -> float:
    number = float(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


if __name__ == "__main__":
    sys.exit(main())
