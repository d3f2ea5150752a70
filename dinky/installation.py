"""Plan an installation or its removal: compares the desired files with the present ones; reads and writes none."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from dinky.changes import all_changes
from dinky.changes.change import Change, NotConfiguredError, Routes
from dinky.install_record import InstallRecord, fingerprint
from dinky.merge import undo_changes
from dinky.reverse_proxy import ApiPublication
from dinky.server_folder import CHANGED_FILES
from dinky.status import StatusLine
from dinky.yaml_edit import CannotEditError, parse

NEW: Final = ".new"
"""Suffix of our version of a file that the operator has changed, for comparison. No program loads it."""
Files = dict[str, bytes]
_FILE_REMOVED: Final = "you have removed this file, so it stays removed"
_NOT_PUBLISHED: Final = ApiPublication(host="", enabled=False, entrypoint="web", tls=False)


@dataclass(frozen=True, slots=True)
class Desired:
    """What is to be installed: our files, the notification routes, and the folder of secrets."""

    files: Files
    routes: Routes | None
    secrets: str
    publication: ApiPublication = _NOT_PUBLISHED
    """How the API is published, for the check."""
    warnings: tuple[StatusLine, ...] = ()
    """Problems of the settings that do not prevent an installation."""


@dataclass(slots=True)
class InstallationPlan:
    """What has to be written, and what is printed about it."""

    record: InstallRecord
    """The record after everything is written."""
    ours: dict[str, bytes | None] = field(default_factory=dict)
    """Files of ours to write, or to remove."""
    changed: Files = field(default_factory=dict)
    """The server's own files to write."""
    notes: list[str] = field(default_factory=list)
    """What stays as it is, and why."""
    open: list[str] = field(default_factory=list)
    """What has to be done by hand."""
    warnings: list[str] = field(default_factory=list)
    """Problems that do not prevent the installation."""

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to write."""
        return not self.ours and not self.changed


def paths(desired: Desired, done: InstallRecord) -> set[str]:
    """Return the paths of all files that a plan needs."""
    return {*desired.files, *done.ours, *done.before}


def changes_of(desired: Desired, files: Mapping[str, bytes]) -> list[Change]:
    """Return the changes of the server's own files.

    Raises:
        CannotEditError: one of them is not YAML, or not UTF-8.
    """
    texts = {path: text(path, files) for path in CHANGED_FILES if path in files}
    for path, one in texts.items():
        try:
            parse(one)
        except CannotEditError as error:
            raise CannotEditError(f"{path}: {error}") from error
    return all_changes(texts, desired.routes, desired.secrets)


def text(path: str, files: Mapping[str, bytes]) -> str:
    """Return the text of one of the server's files.

    Raises:
        CannotEditError: it is not UTF-8.
    """
    try:
        return files[path].decode()
    except UnicodeDecodeError as error:
        raise CannotEditError(f"{path}: it is not UTF-8") from error


def plan_installation(desired: Desired, files: Mapping[str, bytes], done: InstallRecord) -> InstallationPlan:
    """Return the plan that writes all files and makes all changes.

    It starts from the files without the changes of an earlier run. So a second run has nothing to do, and a newer
    version replaces its own lines.
    """
    plan = InstallationPlan(
        InstallRecord(), warnings=[f"{one.what}. To change that, {one.fix}" for one in desired.warnings]
    )
    without, kept = _without_our_changes(files, done)
    plan.notes += _kept_notes(kept)
    clean = {**files, **without}
    target = dict(clean)
    for change in changes_of(desired, clean):
        try:
            target[change.path] = change.edit(text(change.path, target)).encode()
        except NotConfiguredError as error:
            plan.warnings.append(str(error))
        except CannotEditError as error:
            plan.open.append(f"{change.path}: {change.what}: {error}. By hand: {change.by_hand}")
    plan.changed = {path: target[path] for path in CHANGED_FILES if path in target and target[path] != files[path]}
    before = {path: clean[path] for path in CHANGED_FILES if path in target and target[path] != clean[path]}
    after = {path: target[path] for path in before}
    # A file with lines of ours that the operator has changed stays in the record, so that a removal prints them.
    same = [path for path in kept if path in files and path not in plan.changed]
    before |= {path: done.before[path] for path in same}
    after |= {path: done.after[path] for path in same}
    plan.record = InstallRecord(dict(_plan_our_files(desired, files, done, plan)), before, after, done.folders)
    return plan


def plan_removal(files: Mapping[str, bytes], done: InstallRecord) -> InstallationPlan:
    """Return the plan that removes everything, except what the operator has changed since: that stays in the record."""
    plan = InstallationPlan(InstallRecord())
    clean, kept = _without_our_changes(files, done)
    plan.notes += _kept_notes(kept)
    plan.changed = {path: content for path, content in clean.items() if content != files[path]}
    stay = {path: known for path, known in done.ours.items() if path in files and fingerprint(files[path]) != known}
    plan.notes += [f"{path}: you have changed it, so it stays" for path in stay]
    plan.ours = {path: None for path in done.ours if path in files and path not in stay}
    before, after = ({path: side[path] for path in kept if path in clean} for side in (done.before, done.after))
    plan.record = InstallRecord(stay, before, after, done.folders if stay else ())
    return plan


def _without_our_changes(files: Mapping[str, bytes], done: InstallRecord) -> tuple[Files, dict[str, tuple[str, ...]]]:
    """Return the server's files without our changes, and the lines of ours that the operator has changed since."""
    clean: Files = {}
    kept: dict[str, tuple[str, ...]] = {}
    for path, before in done.before.items():
        if path not in files:
            kept[path] = (_FILE_REMOVED,)
        elif files[path] == done.after[path]:
            clean[path] = before
        else:
            back = undo_changes(before=before.decode(), after=done.after[path].decode(), now=text(path, files))
            clean[path] = back.text.encode()
            if back.kept:
                kept[path] = back.kept
    return clean, kept


def _kept_notes(kept: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [
        f"{path}: {line}" if line == _FILE_REMOVED else f"{path}: you have changed this line since, so it stays: {line}"
        for path, lines in kept.items()
        for line in lines
    ]


def _plan_our_files(
    desired: Desired, files: Mapping[str, bytes], done: InstallRecord, plan: InstallationPlan
) -> Iterator[tuple[str, str]]:
    """Yield path and fingerprint of each file of ours for the record; add the files to write to the plan."""
    kept_beside = set()
    for path, content in desired.files.items():
        now, known, new = files.get(path), done.ours.get(path), fingerprint(content)
        if now == content:
            if known:
                yield path, new
        elif now is None or fingerprint(now) == known:
            plan.ours[path] = content
            yield path, new
        else:
            plan.notes.append(f"{path}: you have changed it, so it stays")
            beside = f"{path}{NEW}"
            if known != new:
                plan.ours[beside] = content
                plan.notes.append(f"{beside}: our version, to compare")
                yield beside, new
            elif beside in done.ours:
                yield beside, done.ours[beside]
            kept_beside.add(beside)
            yield path, new
    for path, known in done.ours.items():
        if path not in desired.files and path not in kept_beside and path in files:
            if fingerprint(files[path]) == known:
                plan.ours[path] = None
            else:
                plan.notes.append(f"{path}: no longer part of Dinky Mail, but you have changed it, so it stays")
