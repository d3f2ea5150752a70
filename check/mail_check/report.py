"""The check report: lines of text, and JSON for programs."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from mail_check.results import CheckFinding, CheckStatus, counts, exit_status

SCHEMA: Final = 1
"""Raised when a field of the JSON is removed or changes its meaning; new fields do not change it."""
_WORDS: Final = {
    CheckStatus.OK: "ok",
    CheckStatus.WARNING: "warning",
    CheckStatus.FAILED: "FAILED",
    CheckStatus.UNKNOWN: "not checked",
}
_WIDTH: Final = max(map(len, _WORDS.values()))
_NAME_WIDTH: Final = 20


def lines(findings: Iterable[CheckFinding]) -> Iterator[str]:
    """Yield the report's lines: a heading for each area, a line for each finding, and its fix below it."""
    area = None
    for finding in findings:
        if finding.area != area:
            area = finding.area
            yield str(area)
        yield f"  {_WORDS[finding.status]:<{_WIDTH}}  {finding.name:<{_NAME_WIDTH}}  {finding.message}"
        if finding.fix:
            yield f"  {'':<{_WIDTH}}  {'':<{_NAME_WIDTH}}  -> {finding.fix}"


def summary(findings: Sequence[CheckFinding]) -> str:
    """Return the number of findings of each status, in one line."""
    found = counts(findings)
    parts = (
        f"{found[CheckStatus.OK]} ok",
        f"{found[CheckStatus.WARNING]} warning{'' if found[CheckStatus.WARNING] == 1 else 's'}",
        f"{found[CheckStatus.FAILED]} failed",
        f"{found[CheckStatus.UNKNOWN]} not checked",
    )
    return ", ".join(parts)


def as_json(findings: Sequence[CheckFinding]) -> str:
    """Return all findings as one JSON object; docs/check.md describes it."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "exit_status": exit_status(findings),
        "counts": dict(counts(findings)),
        "findings": [finding._asdict() for finding in findings],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)
