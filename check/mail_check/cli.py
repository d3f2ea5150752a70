"""Command line `mail-check`: checks variables, services, DNS, relay and monitoring, and prints what to fix."""

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from mail_check import catalogue, report
from mail_check.host_facts import HostFacts, parse_host_facts
from mail_check.results import Area, CheckFinding, exit_status, failed
from mail_check.runner import Check, bind, run
from mail_check.settings import CheckSettings, VariableUnusable, read_mail_settings
from mail_telemetry import configuration

SECONDS: Final = 20.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run all checks, print the report, and return the exit status."""
    arguments = _parser().parse_args(argv)
    checks = _checks(parse_host_facts(sys.stdin) if arguments.host_facts else None)
    print(f"mail-check: {len(checks)} checks, {arguments.seconds:g} s at most", file=sys.stderr)  # noqa: T201 - progress
    found = run(checks, arguments.seconds)
    findings = list(found) if arguments.json else _printed(found)
    print(report.as_json(findings) if arguments.json else f"\n{report.summary(findings)}")  # noqa: T201 - its output
    return exit_status(findings)


def _checks(facts: HostFacts | None) -> list[Check]:
    settings = configuration.load_or_stop(CheckSettings)
    try:
        mail = read_mail_settings(os.environ, lambda path: Path(path).read_text(encoding="utf-8"))
    except VariableUnusable as problem:
        fix = "Set it as .env.mail shows. DNS and the relay are checked once it is set."
        return [
            Check(Area.CONFIGURATION, "variables", bind(failed, str(problem), fix)),
            *catalogue.checks(settings, None, facts, os.environ),
        ]
    return catalogue.checks(settings, mail, facts, os.environ)


def _printed(found: Iterable[CheckFinding]) -> list[CheckFinding]:
    """Print each finding as soon as it is known, and return all."""
    findings: list[CheckFinding] = []

    def collected() -> Iterable[CheckFinding]:
        for finding in found:
            findings.append(finding)
            yield finding

    for line in report.lines(collected()):
        print(line, flush=True)  # noqa: T201 - its output
    return findings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mail-check",
        description=__doc__,
        epilog="exit status: 0 nothing failed; 1 something failed; 2 nothing failed, but some checks could not be "
        "made, or the arguments were wrong. Warnings do not change it.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines (docs/check.md)")
    parser.add_argument(
        "--seconds", type=_positive, default=SECONDS, metavar="N", help="time limit in seconds (default: 20)"
    )
    parser.add_argument(
        "--host-facts",
        action="store_true",
        help="read facts of the host from standard input, as `make check` writes them",
    )
    return parser


def _positive(text: str) -> float:
    number = float(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


if __name__ == "__main__":
    sys.exit(main())
