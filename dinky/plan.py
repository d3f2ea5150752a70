"""What there should be, compared with what there is. Pure: files in, files out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from dinky.findings import Finding
from dinky.merge import undone
from dinky.needs import every_need
from dinky.needs.model import THEIRS, Need, NotConfiguredError, Routes
from dinky.publication import Publication
from dinky.record import Record, fingerprint
from dinky.yaml_text import CannotEditError, parse

NEW: Final = ".new"
"""Behind the name of a file of ours that the operator has changed: our version, for comparison. Nobody loads it."""
Files = dict[str, bytes]
_NOT_PUBLISHED: Final = Publication(host="", enabled=False, entrypoint="web", tls=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What Dinky Mail brings: its own files, the routes out of the settings, and where its secrets are."""

    files: Files
    routes: Routes | None
    secrets: str
    publication: Publication = _NOT_PUBLISHED
    """How the API is to be reached, for the check."""
    warnings: tuple[Finding, ...] = ()
    """What is wrong with the settings, though they can be used."""


@dataclass(slots=True)
class Plan:
    """What has to be written, and what a person has to know."""

    record: Record
    """The record once all is written."""
    brought: dict[str, bytes | None] = field(default_factory=dict)
    """Files of ours to write, or to remove."""
    changed: Files = field(default_factory=dict)
    """Files of theirs to write."""
    notes: list[str] = field(default_factory=list)
    """What was left as it is, and why."""
    open: list[str] = field(default_factory=list)
    """What can only be done by hand."""
    warnings: list[str] = field(default_factory=list)
    """What works, but not as an operator would expect."""

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to write."""
        return not self.brought and not self.changed


def paths(wanted: Wanted, done: Record) -> set[str]:
    """Return the paths of all files of ours that have to be looked at."""
    return {*wanted.files, *done.ours, *done.before}


def needs_of(wanted: Wanted, files: Mapping[str, bytes]) -> list[Need]:
    """Return what the server's own files need.

    Raises:
        CannotEditError: one of them is no YAML, or no text.
    """
    texts = {path: text(path, files) for path in THEIRS if path in files}
    for path, one in texts.items():
        try:
            parse(one)
        except CannotEditError as error:
            raise CannotEditError(f"{path}: {error}") from error
    return every_need(texts, wanted.routes, wanted.secrets)


def text(path: str, files: Mapping[str, bytes]) -> str:
    """Return what stands in one of their files.

    Raises:
        CannotEditError: it is no UTF-8.
    """
    try:
        return files[path].decode()
    except UnicodeDecodeError as error:
        raise CannotEditError(f"{path}: it is no UTF-8") from error


def install(wanted: Wanted, files: Mapping[str, bytes], done: Record) -> Plan:
    """Return the plan that brings everything and changes what needs a change.

    The changes of an earlier run are taken back first, in thought: so a second run finds nothing to do, and a newer
    version changes its own lines.
    """
    plan = Plan(Record(), warnings=[f"{one.what}. To change that, {one.fix}" for one in wanted.warnings])
    without, kept = _without_us(files, done)
    plan.notes += _told(kept)
    clean = {**files, **without}
    target = dict(clean)
    for need in needs_of(wanted, clean):
        try:
            target[need.path] = need.edit(text(need.path, target)).encode()
        except NotConfiguredError as error:
            plan.warnings.append(str(error))
        except CannotEditError as error:
            plan.open.append(f"{need.path}: {need.what}: {error}. By hand: {need.by_hand}")
    plan.changed = {path: target[path] for path in THEIRS if path in target and target[path] != files[path]}
    before = {path: clean[path] for path in THEIRS if path in target and target[path] != clean[path]}
    after = {path: target[path] for path in before}
    # A file in which they changed lines of ours, and that stays as it is: remembered as before, so that `remove` tells.
    same = [path for path in kept if path in files and path not in plan.changed]
    before |= {path: done.before[path] for path in same}
    after |= {path: done.after[path] for path in same}
    plan.record = Record(dict(_bring(wanted, files, done, plan)), before, after, done.folders)
    return plan


def remove(files: Mapping[str, bytes], done: Record) -> Plan:
    """Return the plan that takes everything back, except what the operator has changed since: that is remembered."""
    plan = Plan(Record())
    clean, kept = _without_us(files, done)
    plan.notes += _told(kept)
    plan.changed = {path: content for path, content in clean.items() if content != files[path]}
    stay = {path: known for path, known in done.ours.items() if path in files and fingerprint(files[path]) != known}
    plan.notes += [f"{path}: you have changed it, so it stays" for path in stay]
    plan.brought = {path: None for path in done.ours if path in files and path not in stay}
    before, after = ({path: side[path] for path in kept if path in clean} for side in (done.before, done.after))
    plan.record = Record(stay, before, after, done.folders if stay else ())
    return plan


def _without_us(files: Mapping[str, bytes], done: Record) -> tuple[Files, dict[str, tuple[str, ...]]]:
    """Return their files as they would be without us, and those lines of ours that they have changed since."""
    clean: Files = {}
    kept: dict[str, tuple[str, ...]] = {}
    for path, before in done.before.items():
        if path not in files:
            kept[path] = ("the whole file is gone",)
        elif files[path] == done.after[path]:
            clean[path] = before
        else:
            back = undone(before=before.decode(), after=done.after[path].decode(), now=text(path, files))
            clean[path] = back.text.encode()
            if back.kept:
                kept[path] = back.kept
    return clean, kept


def _told(kept: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [f"{path}: changed by you since, and left so: {line}" for path, lines in kept.items() for line in lines]


def _bring(wanted: Wanted, files: Mapping[str, bytes], done: Record, plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield each file of ours that the record has to name; note in the plan what to write."""
    kept_beside = set()
    for path, content in wanted.files.items():
        now, known, new = files.get(path), done.ours.get(path), fingerprint(content)
        if now == content:
            if known:
                yield path, new
        elif now is None or fingerprint(now) == known:
            plan.brought[path] = content
            yield path, new
        else:
            plan.notes.append(f"{path}: you have changed it, so it stays")
            beside = f"{path}{NEW}"
            if known != new:
                plan.brought[beside] = content
                plan.notes.append(f"{beside}: our version, to compare")
                yield beside, new
            elif beside in done.ours:
                yield beside, done.ours[beside]
            kept_beside.add(beside)
            yield path, new
    for path, known in done.ours.items():
        if path not in wanted.files and path not in kept_beside and path in files:
            if fingerprint(files[path]) == known:
                plan.brought[path] = None
            else:
                plan.notes.append(f"{path}: no longer ours, and changed by you, so it stays")
