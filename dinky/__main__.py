"""Install Dinky Mail's rules, dashboards, routes and links into a Dinky Server, check them, or remove them."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from dinky import install_record, installation, output, queue_transfer, server_folder
from dinky.installation import InstallationPlan
from dinky.server_folder import NotADinkyServerError
from dinky.settings import desired_installation
from dinky.status import InstallState
from dinky.yaml_edit import CannotEditError

DONE, OPEN, CANNOT = 0, 1, 2
_CODES: Final = (
    "exit code: 0 all there or done; 1 something is missing, or was not confirmed; 2 it cannot be read or done"
)


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return the exit code."""
    try:
        chosen = _parser().parse_args(arguments)
        return int(chosen.run(chosen))
    except (NotADinkyServerError, CannotEditError, OSError, ValueError, queue_transfer.QueueError) as error:
        print(f"dinky: {error}", file=sys.stderr)
        return CANNOT


def _install(chosen: argparse.Namespace) -> int:
    root: Path = chosen.dir
    desired, done = desired_installation(root), install_record.read(root)
    files = server_folder.read(root, installation.paths(desired, done))
    planned = installation.plan_installation(desired, files, done)
    code = _carry_out(root, files, planned, done, chosen)
    for line in planned.open:
        print(f"dinky: to do by hand: {line}")
    return code or (OPEN if planned.open else DONE)


def _undo(chosen: argparse.Namespace) -> int:
    root: Path = chosen.dir
    done = install_record.read(root)
    files = server_folder.read(root, {*done.ours, *done.before})
    if done == install_record.InstallRecord():
        print(f"dinky: {root / install_record.FOLDER}: there is no record of an installation")
    code = _carry_out(root, files, installation.plan_removal(files, done), done, chosen)
    if code == DONE:
        server_folder.remove_empty(root, done.folders)
    return code


def _carry_out(
    root: Path,
    files: dict[str, bytes],
    planned: InstallationPlan,
    done: install_record.InstallRecord,
    chosen: argparse.Namespace,
) -> int:
    for note in planned.notes:
        print(f"dinky: {note}")
    if planned.is_done:
        if planned.record != done:
            server_folder.keep_record(root, planned.record)
        print(f"dinky: {root}: {'nothing was changed' if planned.open else 'nothing to do'}")
        _warn(planned)
        return DONE
    print(output.diff(files, planned.changed), end="")
    for line in output.summary(planned):
        print(f"dinky: {line}")
    _warn(planned)
    if not chosen.yes and not _confirmed(root):
        return OPEN
    _write(root, planned)
    print(f"dinky: {root}: done")
    steps = list(output.next_steps(planned, files, is_update=chosen.update))
    if steps:
        print("\n".join(["Then, in that folder:", *(f"  {step}" for step in steps)]))
    return DONE


def _warn(planned: InstallationPlan) -> None:
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
        print(f"dinky: nothing was changed. There is no terminal: use --yes (make: YES=1) to change {root}")
        return False
    if input(f"Change {root}? [y/N] ").strip().lower() in {"y", "yes"}:
        return True
    print("dinky: nothing was changed")
    return False


def _write(root: Path, planned: InstallationPlan) -> None:
    """Write the plan; the record first, so that an interrupted run can be continued or undone."""
    made = server_folder.missing_folders(root, [path for path, new in planned.ours.items() if new is not None])
    kept = planned.record
    if kept != install_record.InstallRecord():
        server_folder.keep_record(
            root, install_record.InstallRecord(kept.ours, kept.before, kept.after, (*kept.folders, *made))
        )
    server_folder.make_folders(root, made)
    for path, content in {**planned.ours, **planned.changed}.items():
        server_folder.write(root, path, content)
    if kept == install_record.InstallRecord():
        server_folder.keep_record(root, kept)


def _check(chosen: argparse.Namespace) -> int:
    root: Path = chosen.dir
    desired, done = desired_installation(root), install_record.read(root)
    files = server_folder.read(root, installation.paths(desired, done))
    found = list(output.status_lines(desired, files, done, installation.plan_installation(desired, files, done)))
    for one in found:
        print(one)
    counts = Counter(one.state for one in found)
    missing = counts[InstallState.MISSING] + counts[InstallState.OLD]
    warned = f"; warnings: {counts[InstallState.WARNING]}" if counts[InstallState.WARNING] else ""
    if missing:
        print(f"dinky: {missing} missing or old{warned}; `make dinky DIR={root}` installs all that is not a setting")
        return OPEN
    print(f"dinky: nothing is missing{warned}")
    return DONE


def _save_queue(chosen: argparse.Namespace) -> int:
    saved = queue_transfer.save(chosen.container, chosen.folder)
    print(f"dinky: {saved} mails of {chosen.container} are in {chosen.folder}; in the queue they are on hold")
    return DONE


def _send_queue(chosen: argparse.Namespace) -> int:
    sent = queue_transfer.send(chosen.container, chosen.folder)
    print(f"dinky: {chosen.container} has accepted {sent} mails of {chosen.folder}")
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
        add("undo", _undo, "remove everything, except what you have changed since"),
    )
    for one in (*changing, add("check", _check, "list what is installed and what is missing, with the fix")):
        one.add_argument("dir", type=_server, metavar="DIR", help="the folder of the dinky-server checkout")
    for one in changing:
        one.add_argument("--yes", action="store_true", help="change it without asking")
        one.add_argument("--update", action="store_true", help="part of an update: Dinky Mail was installed before")
    saving = add(
        "save-queue", _save_queue, "put the mails in a mail server's queue on hold, and copy them into a folder"
    )
    sending = add("send-queue", _send_queue, "submit the mails of such a folder to a mail server, each once")
    for one in (saving, sending):
        one.add_argument("container", metavar="CONTAINER", help="the running container")
        one.add_argument("folder", type=Path, metavar="FOLDER", help="the folder of the mails")
    return parser


if __name__ == "__main__":
    sys.exit(main())
