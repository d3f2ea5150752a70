"""What a person is shown: the changes before they are made, and what is there and what is missing."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from dinky.needs.model import ALERTMANAGER, COMPOSE, DASHBOARDS, DATASOURCES, PROMETHEUS, RULES, THEIRS
from dinky.plan import Plan, Wanted, needs_of, text
from dinky.record import Record, fingerprint


class State(StrEnum):
    """How it stands with one thing that there should be."""

    OK = "ok"
    MISSING = "missing"
    OLD = "old"
    YOURS = "yours"


class Finding(NamedTuple):
    """One line of the check."""

    state: State
    path: str
    what: str
    fix: str = ""

    def __str__(self) -> str:
        """Return the line as it is printed, the fix below it."""
        line = f"{self.state:8}{self.path}: {self.what}"
        return f"{line}\n{'':8}  fix: {self.fix}" if self.fix else line


def findings(wanted: Wanted, files: Mapping[str, bytes], done: Record, plan: Plan) -> Iterator[Finding]:
    """Yield how it stands with every need and every file; `plan` is what an installation would do now."""
    unmet = set()
    for need in needs_of(wanted, files):
        met = need.met(text(need.path, files))
        yield (
            Finding(State.OK, need.path, need.what)
            if met
            else Finding(State.MISSING, need.path, need.what, need.by_hand)
        )
        unmet |= set() if met else {need.path}
    for path in THEIRS:
        if path in plan.changed and path not in unmet:
            yield Finding(
                State.OLD, path, "our lines are those of another version, or of other ALERT_... settings", AGAIN
            )
    for path, content in wanted.files.items():
        yield _file(path, content, files.get(path), done.ours.get(path))
    for path, new in plan.brought.items():
        if new is None:
            yield Finding(State.OLD, path, "it is no longer part of Dinky Mail", AGAIN)


AGAIN = "run `make dinky` again"


def _file(path: str, content: bytes, now: bytes | None, known: str | None) -> Finding:
    if now is None:
        return Finding(
            State.MISSING, path, "it is not there", f"copy {path.rpartition('/')[2]} there, or run `make dinky`"
        )
    if now == content:
        return Finding(State.OK, path, "it is there")
    if fingerprint(now) == known:
        return Finding(State.OLD, path, "it is that of another version", AGAIN)
    return Finding(State.YOURS, path, "it is not as we brought it: left to you")


def diff(files: Mapping[str, bytes], changed: Mapping[str, bytes]) -> str:
    """Return the changes as a unified diff."""
    return "".join(
        line
        for path, new in changed.items()
        for line in _ended(
            difflib.unified_diff(
                files[path].decode().splitlines(keepends=True),
                new.decode().splitlines(keepends=True),
                f"a/{path}",
                f"b/{path}",
            )
        )
    )


def _ended(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def summary(plan: Plan) -> Iterator[str]:
    """Yield a line for each folder in which files of ours are written or removed."""
    for folder in sorted({path.rpartition("/")[0] for path in plan.brought}):
        ours = {path: new for path, new in plan.brought.items() if path.rpartition("/")[0] == folder}
        written = [path for path, new in ours.items() if new is not None]
        if written:
            yield f"writes {len(written)} files of ours to {folder}/"
        if len(written) < len(ours):
            yield f"removes {len(ours) - len(written)} files of ours from {folder}/"


def next_steps(plan: Plan) -> Iterator[str]:
    """Yield the commands that let the running containers see what was written, in the server's folder."""
    if COMPOSE in plan.changed:
        yield "docker compose up -d                       # docs/dinky-server.md says what comes before, the first time"
    touched = {*plan.changed, *(path.rpartition("/")[0] for path in plan.brought)}
    if touched & {PROMETHEUS, RULES}:
        yield "docker kill --signal=HUP prometheus        # reads its configuration and rules"
    if ALERTMANAGER in touched:
        yield "docker kill --signal=HUP alertmanager      # reads its routes"
    if DATASOURCES in touched:
        yield "docker restart grafana                     # reads its data sources at its start"
    elif DASHBOARDS in touched:
        yield "# Grafana finds the dashboards by itself within a minute"
