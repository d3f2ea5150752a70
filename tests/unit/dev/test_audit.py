"""`make audit`: pins that are checked, and the exit status; a pin without a result does not pass."""

from pathlib import Path

import pytest

from dev.audit import NOT_ASKED, NOTHING_KNOWN, VULNERABLE, Pin, Verdict, ask, judge, merged, pins, rounds, words

A, B = (f"--hash=sha256:{digit * 64}" for digit in "ab")
OLD = Pin("deprecated", "1.3.1", frozenset({A}))
NEW = Pin("deprecated", "3.0.1", frozenset({A, B}))
LOOP = Pin("uvloop", "0.22.1", frozenset({B}))
LOCKED = f"""\
# This file was made by a command
deprecated==1.3.1 ; python_full_version < '3.12' \\
    {A}
deprecated==3.0.1 ; python_full_version >= '3.12' \\
    {A} \\
    {B}
uvloop==0.22.1 \\
    {B}
"""
KNOWN = {"id": "PYSEC-2026-1", "fix_versions": ["0.22.2"], "aliases": [], "description": ""}
CLEAN = {"name": "deprecated", "version": "1.3.1", "vulns": []}


def program(folder: Path, lines: str) -> Path:
    """Return a program that replaces pip-audit."""
    path = folder / "pip-audit"
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)
    return path


def test_every_pin_is_found() -> None:
    """Pins are found for every Python and platform."""
    assert pins(LOCKED) == {OLD, NEW, LOOP}


def test_one_version_at_a_time() -> None:
    """Two versions of one package are checked in two runs."""
    assert rounds({OLD, NEW, LOOP}) == [[OLD, LOOP], [NEW]]


@pytest.mark.parametrize(
    ("packages", "verdict", "status"),
    [
        pytest.param(
            [CLEAN, {"name": "uvloop", "vulns": []}],
            Verdict(2, (), ()),
            NOTHING_KNOWN,
            id="no vulnerability",
        ),
        pytest.param(
            [CLEAN, {"name": "uvloop", "vulns": [KNOWN]}],
            Verdict(1, ("uvloop==0.22.1: PYSEC-2026-1, fixed in 0.22.2",), ()),
            VULNERABLE,
            id="vulnerable",
        ),
        pytest.param(
            [CLEAN, {"name": "uvloop", "skip_reason": "not found on PyPI: uvloop (0.22.1)"}],
            Verdict(1, (), ("uvloop==0.22.1: not found on PyPI",)),
            NOT_ASKED,
            id="skipped",
        ),
        pytest.param(
            [CLEAN], Verdict(1, (), ("uvloop==0.22.1: not in the report",)), NOT_ASKED, id="missing in the report"
        ),
    ],
)
def test_report(packages: list[dict[str, object]], verdict: Verdict, status: int) -> None:
    """A report that leaves a package out, or skips it, does not pass."""
    judged = judge([OLD, LOOP], {"dependencies": packages})
    assert judged == verdict
    assert judged.status == status


def test_vulnerability_takes_precedence() -> None:
    """A known vulnerability decides the exit status, even if other pins have no result."""
    verdict = merged([Verdict(3, (), ("a==1: no",)), Verdict(2, ("b==2: CVE",), ())])
    assert verdict == Verdict(5, ("b==2: CVE",), ("a==1: no",))
    assert verdict.status == VULNERABLE


def test_no_network(tmp_path: Path) -> None:
    """When pip-audit fails, the last line of its error is printed once, and the status is 3."""
    broken = program(tmp_path, "echo 'Traceback' >&2; echo 'ConnectionError: no such host' >&2; exit 1")
    verdict = ask([OLD, LOOP], "osv", broken)
    assert verdict.status == NOT_ASKED
    assert words(verdict, "osv").splitlines() == [
        "could not ask osv about 2 versions:",
        "  deprecated==1.3.1: ConnectionError: no such host",
        "  and 1 more, for the same reason",
        "audit: 0 versions without a known vulnerability, 0 vulnerabilities, 2 versions not asked about",
    ]


def test_hashes_are_passed(tmp_path: Path) -> None:
    """pip-audit gets the hashes, so that the service can compare them."""
    copy = tmp_path / "asked"
    ask([NEW], "pypi", program(tmp_path, f'cp "$2" {copy}'))
    assert copy.read_text() == f"deprecated==3.0.1 {A} {B}\n"
