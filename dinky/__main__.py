"""Installs Dinky Mail's rules, dashboards, routes and links into a Dinky Server, checks them, and takes them away."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from dinky import folder, plan, queue, record, show
from dinky.findings import State
from dinky.folder import NotADinkyServerError
from dinky.plan import Plan
from dinky.settings import wanted
from dinky.yaml_text import CannotEditError

DONE, OPEN, CANNOT = 0, 1, 2
_CODES: Final = "exit code: 0 all there or done; 1 something is missing, or was not confirmed; 2 it cannot be looked at"


def main(arguments: list[str] | None = None) -> int:
    """Do what is asked for and return the exit code."""
    try:
        asked = _parser().parse_args(arguments)
        return int(asked.run(asked))
    except (NotADinkyServerError, CannotEditError, OSError, ValueError, queue.QueueError) as error:
        print(f"dinky: {error}", file=sys.stderr)
        return CANNOT


def _install(asked: argparse.Namespace) -> int:
    root: Path = asked.dir
    brought, done = wanted(root), record.read(root)
    files = folder.read(root, plan.paths(brought, done))
    planned = plan.install(brought, files, done)
    code = _carry_out(root, files, planned, done, asked)
    for line in planned.open:
        print(f"dinky: to do by hand: {line}")
    return code or (OPEN if planned.open else DONE)


def _undo(asked: argparse.Namespace) -> int:
    root: Path = asked.dir
    done = record.read(root)
    files = folder.read(root, {*done.ours, *done.before})
    if done == record.Record():
        print(f"dinky: {root / record.FOLDER}: there is no record of an installation")
    code = _carry_out(root, files, plan.remove(files, done), done, asked)
    if code == DONE:
        folder.remove_empty(root, done.folders)
    return code


def _carry_out(
    root: Path, files: dict[str, bytes], planned: Plan, done: record.Record, asked: argparse.Namespace
) -> int:
    for note in planned.notes:
        print(f"dinky: {note}")
    if planned.is_done:
        if planned.record != done:
            folder.keep_record(root, planned.record)
        print(f"dinky: {root}: {'nothing was changed' if planned.open else 'nothing to do'}")
        _warn(planned)
        return DONE
    print(show.diff(files, planned.changed), end="")
    for line in show.summary(planned):
        print(f"dinky: {line}")
    _warn(planned)
    if not asked.yes and not _confirmed(root):
        return OPEN
    _write(root, planned)
    print(f"dinky: {root}: done")
    steps = list(show.next_steps(planned, files, is_update=asked.update))
    if steps:
        print("\n".join(["Then, in that folder:", *(f"  {step}" for step in steps)]))
    return DONE


def _warn(planned: Plan) -> None:
    for line in planned.warnings:
        print(f"dinky: warning: {line}")


def _server(given: str) -> Path:
    """Return the server's folder.

    Raises:
        NotADinkyServerError: it is not given.
    """
    if not given:
        raise NotADinkyServerError(
            "DIR is required, the folder of your dinky-server checkout: make dinky DIR=/path/to/dinky-server"
        )
    return Path(given).resolve()


def _confirmed(root: Path) -> bool:
    if not sys.stdin.isatty():
        print(f"dinky: nothing was changed. No terminal to ask at: use --yes (make: YES=1) to change {root}")
        return False
    if input(f"Change {root}? [y/N] ").strip().lower() in {"y", "yes"}:
        return True
    print("dinky: nothing was changed")
    return False


def _write(root: Path, planned: Plan) -> None:
    """Write the plan; the record first, so that what is interrupted can be gone on with, or taken back."""
    made = folder.missing_folders(root, [path for path, new in planned.brought.items() if new is not None])
    kept = planned.record
    if kept != record.Record():
        folder.keep_record(root, record.Record(kept.ours, kept.before, kept.after, (*kept.folders, *made)))
    folder.make_folders(root, made)
    for path, content in {**planned.brought, **planned.changed}.items():
        folder.write(root, path, content)
    if kept == record.Record():
        folder.keep_record(root, kept)


def _check(asked: argparse.Namespace) -> int:
    root: Path = asked.dir
    brought, done = wanted(root), record.read(root)
    files = folder.read(root, plan.paths(brought, done))
    found = list(show.findings(brought, files, done, plan.install(brought, files, done)))
    for one in found:
        print(one)
    counts = Counter(one.state for one in found)
    missing = counts[State.MISSING] + counts[State.OLD]
    warned = f"; warnings: {counts[State.WARNING]}" if counts[State.WARNING] else ""
    if missing:
        print(f"dinky: {missing} missing or old{warned}; `make dinky DIR={root}` installs all that is not a setting")
        return OPEN
    print(f"dinky: nothing is missing{warned}")
    return DONE


def _save_queue(asked: argparse.Namespace) -> int:
    saved = queue.save(asked.container, asked.folder)
    print(f"dinky: {saved} mails of {asked.container} are in {asked.folder}; there they wait on hold")
    return DONE


def _send_queue(asked: argparse.Namespace) -> int:
    sent = queue.send(asked.container, asked.folder)
    print(f"dinky: {asked.container} has taken {sent} mails out of {asked.folder}")
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m dinky", description=__doc__, epilog=_CODES)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text, epilog=_CODES)
        one.set_defaults(run=run)
        return one

    changing = (
        add("install", _install, "show what has to change in a Dinky Server's folder, ask, and change it"),
        add("undo", _undo, "take everything back, except what you have changed since"),
    )
    for one in (*changing, add("check", _check, "say what is there and what is missing, and how to mend it")):
        one.add_argument("dir", type=_server, metavar="DIR", help="the folder of the dinky-server checkout")
    for one in changing:
        one.add_argument("--yes", action="store_true", help="change it without asking")
        one.add_argument("--update", action="store_true", help="part of an update: Dinky Mail was installed before")
    saving = add("save-queue", _save_queue, "hold the mails in a mail server's queue, and copy them into a folder")
    sending = add("send-queue", _send_queue, "give the mails of such a folder to a mail server, each once")
    for one in (saving, sending):
        one.add_argument("container", metavar="CONTAINER", help="the running container")
        one.add_argument("folder", type=Path, metavar="FOLDER", help="where the mails lie")
    return parser


if __name__ == "__main__":
    sys.exit(main())
