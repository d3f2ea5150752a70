"""Printed output: the status of an installation, the diff and summary of a plan, and the next steps."""

import difflib
from collections.abc import Iterable, Iterator, Mapping

import yaml
from yaml import Node

from dinky import reverse_proxy, rules_and_dashboards
from dinky.changes.compose import REPLACED
from dinky.install_record import InstallRecord, fingerprint
from dinky.installation import Desired, InstallationPlan, changes_of, text
from dinky.server_folder import (
    ALERTMANAGER,
    CHANGED_FILES,
    CHECKED_FILES,
    COMPOSE,
    DASHBOARDS,
    DATASOURCES,
    PROMETHEUS,
    RULES,
)
from dinky.status import InstallState, StatusLine
from dinky.yaml_edit import child, items, parse


def status_lines(
    desired: Desired, files: Mapping[str, bytes], done: InstallRecord, plan: InstallationPlan
) -> Iterator[StatusLine]:
    """Yield the status of every change and every file; `plan` is what an installation would write now."""
    incomplete = set()
    for change in changes_of(desired, files):
        is_made = change.is_made(text(change.path, files))
        yield (
            StatusLine(InstallState.OK, change.path, change.what)
            if is_made
            else StatusLine(InstallState.MISSING, change.path, change.what, change.by_hand)
        )
        incomplete |= set() if is_made else {change.path}
    for path in CHANGED_FILES:
        if path in plan.changed and path not in incomplete:
            yield StatusLine(
                InstallState.OLD, path, "our lines are from another version, or from other ALERT_... settings", AGAIN
            )
    for path, content in desired.files.items():
        yield _file(path, content, files.get(path), done.ours.get(path))
    for path, new in plan.ours.items():
        if new is None:
            yield StatusLine(InstallState.OLD, path, "it is no longer part of Dinky Mail", AGAIN)
    yield from desired.warnings
    yield from reverse_proxy.status_lines(
        desired.publication, {path: text(path, files) for path in (*CHANGED_FILES, *CHECKED_FILES) if path in files}
    )


AGAIN = "run `make dinky` again"


def _file(path: str, content: bytes, now: bytes | None, known: str | None) -> StatusLine:
    if now is None:
        return StatusLine(
            InstallState.MISSING,
            path,
            "it is not there",
            f"run `make dinky`, or copy {rules_and_dashboards.source(path)} there",
        )
    if now == content:
        return StatusLine(InstallState.OK, path, "it is there")
    if fingerprint(now) == known:
        return StatusLine(InstallState.OLD, path, "it is from another version", AGAIN)
    return StatusLine(InstallState.YOURS, path, "you have changed it, so it stays")


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


def summary(plan: InstallationPlan) -> Iterator[str]:
    """Yield a line for each folder in which our files are written or removed."""
    for folder in sorted({path.rpartition("/")[0] for path in plan.ours}):
        ours = {path: new for path, new in plan.ours.items() if path.rpartition("/")[0] == folder}
        written = [path for path, new in ours.items() if new is not None]
        if written:
            yield f"writes {len(written)} files to {folder}/"
        if len(written) < len(ours):
            yield f"removes {len(ours) - len(written)} files from {folder}/"


def next_steps(plan: InstallationPlan, files: Mapping[str, bytes], *, is_update: bool = False) -> Iterator[str]:
    """Yield the commands that make the running containers use what was written, in the server's folder.

    Args:
        plan: what was written.
        files: the server's files before that.
        is_update: whether Dinky Mail was installed there before, and so runs already.
    """
    started: list[str] = []
    if COMPOSE in plan.changed:
        before, after = _services(files[COMPOSE]), _services(plan.changed[COMPOSE])
        started = [name for name in _changed(before, after) if f"{REPLACED}{name}" not in before]
        if not is_update and any(f"{REPLACED}{name}" in after for name in before):
            yield "# If the old mail server still runs: first steps 2 to 6 of docs/dinky-server.md, for its queue."
        yield from _compose_steps(before, after, started)
    touched = {*plan.changed, *(path.rpartition("/")[0] for path in plan.ours)}
    if touched & {PROMETHEUS, RULES} and "prometheus" not in started:
        yield _step("docker kill --signal=HUP prometheus", "reads its configuration and rules")
    if ALERTMANAGER in touched and "alertmanager" not in started:
        yield _step("docker kill --signal=HUP alertmanager", "reads its routes")
    if DATASOURCES in touched:
        yield _step("docker restart grafana", "reads its data sources at its start")
    elif DASHBOARDS in touched:
        yield "# Grafana loads the dashboards within a minute"


def _compose_steps(before: Mapping[str, Node], after: Mapping[str, Node], started: list[str]) -> Iterator[str]:
    returned = [name for name in after if f"{REPLACED}{name}" in before]
    if returned:
        yield "# First, in Dinky Mail's folder, since its containers have the same names (docs/dinky-server.md):"
        yield "#   docker compose -f docker-compose.mail.prod.yml --env-file .env.mail.prod down"
    if started:
        yield _step(f"docker compose up -d --no-deps {' '.join(started)}", "their definitions changed")
    if returned:
        yield _step(f"docker compose up -d {' '.join(returned)}", "your own mail server again")


def _services(compose: bytes) -> dict[str, Node]:
    return dict(items(child(parse(compose.decode()), "services")))


def _changed(before: Mapping[str, Node], after: Mapping[str, Node]) -> Iterator[str]:
    """Yield the services without a profile whose definition is new or has changed."""
    for name, service in after.items():
        was = before.get(name)
        if (was is None or yaml.serialize(was) != yaml.serialize(service)) and not child(service, "profiles"):
            yield name


def _step(command: str, why: str) -> str:
    return f"{command:<44} # {why}"
