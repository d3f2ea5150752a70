"""What a person is shown: the changes before they are made, and what is there and what is missing."""

import difflib
from collections.abc import Iterable, Iterator, Mapping

import yaml
from yaml import Node

from dinky import bring, publication
from dinky.findings import Finding, State
from dinky.needs.compose import SET_ASIDE
from dinky.needs.model import ALERTMANAGER, COMPOSE, DASHBOARDS, DATASOURCES, LOOKED_AT, PROMETHEUS, RULES, THEIRS
from dinky.plan import Plan, Wanted, needs_of, text
from dinky.record import Record, fingerprint
from dinky.yaml_text import child, items, parse


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
    yield from wanted.warnings
    yield from publication.findings(
        wanted.publication, {path: text(path, files) for path in (*THEIRS, *LOOKED_AT) if path in files}
    )


AGAIN = "run `make dinky` again"


def _file(path: str, content: bytes, now: bytes | None, known: str | None) -> Finding:
    if now is None:
        return Finding(State.MISSING, path, "it is not there", f"run `make dinky`, or copy {bring.source(path)} there")
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


def next_steps(plan: Plan, files: Mapping[str, bytes], *, is_update: bool = False) -> Iterator[str]:
    """Yield the commands that make the running containers use what was written, in the server's folder.

    Args:
        plan: what was written.
        files: the server's files before that.
        is_update: whether Dinky Mail was installed there before, and so runs in the old server's place.
    """
    started: list[str] = []
    if COMPOSE in plan.changed:
        before, after = _services(files[COMPOSE]), _services(plan.changed[COMPOSE])
        started = [name for name in _changed(before, after) if f"{SET_ASIDE}{name}" not in before]
        if not is_update and any(f"{SET_ASIDE}{name}" in after for name in before):
            yield "# If the old mail server still runs: first steps 2 to 6 of docs/dinky-server.md, for its queue."
        yield from _compose_steps(before, after, started)
    touched = {*plan.changed, *(path.rpartition("/")[0] for path in plan.brought)}
    if touched & {PROMETHEUS, RULES} and "prometheus" not in started:
        yield _step("docker kill --signal=HUP prometheus", "reads its configuration and rules")
    if ALERTMANAGER in touched and "alertmanager" not in started:
        yield _step("docker kill --signal=HUP alertmanager", "reads its routes")
    if DATASOURCES in touched:
        yield _step("docker restart grafana", "reads its data sources at its start")
    elif DASHBOARDS in touched:
        yield "# Grafana finds the dashboards by itself within a minute"


def _compose_steps(before: Mapping[str, Node], after: Mapping[str, Node], started: list[str]) -> Iterator[str]:
    returned = [name for name in after if f"{SET_ASIDE}{name}" in before]
    if returned:
        yield "# First, in Dinky Mail's folder, for its containers have the same names (docs/dinky-server.md):"
        yield "#   docker compose -f docker-compose.mail.prod.yml --env-file .env.mail.prod down"
    if started:
        yield _step(f"docker compose up -d --no-deps {' '.join(started)}", "their definitions changed")
    if returned:
        yield _step(f"docker compose up -d {' '.join(returned)}", "your own mail server again")


def _services(compose: bytes) -> dict[str, Node]:
    return dict(items(child(parse(compose.decode()), "services")))


def _changed(before: Mapping[str, Node], after: Mapping[str, Node]) -> Iterator[str]:
    """Yield the services whose definition is another one and that belong to no profile."""
    for name, service in after.items():
        was = before.get(name)
        if (was is None or yaml.serialize(was) != yaml.serialize(service)) and not child(service, "profiles"):
            yield name


def _step(command: str, why: str) -> str:
    return f"{command:<44} # {why}"
