"""Installation plans for files with changes of the operator: idempotent, and undone completely."""

from functools import cache
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.routes.settings import RouteSettings
from dinky import rules_and_dashboards, server_folder
from dinky.install_record import InstallRecord
from dinky.installation import Desired, Files, InstallationPlan, paths, plan_installation, plan_removal
from dinky.server_folder import ALERTMANAGER, COMPOSE, DATASOURCES, PROMETHEUS
from dinky.settings import routes
from dinky.yaml_edit import CannotEditError
from tests.unit.dinky.conftest import STACK

pytestmark = pytest.mark.slow

SETTINGS: Final = RouteSettings.model_construct(alert_webhook_url="https://hook.example/a")
DESIRED: Final = Desired(rules_and_dashboards.files(), routes(SETTINGS), "./secrets")
STACK_FILES: Final = server_folder.read(STACK, paths(DESIRED, InstallRecord()))

EDITS: Final = st.tuples(
    st.sampled_from((COMPOSE, PROMETHEUS, ALERTMANAGER, DATASOURCES)),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from(("delete", "comment", "insert", "misspell")),
)


@cache
def first() -> InstallationPlan:
    """Return the plan of the first installation."""
    return plan_installation(DESIRED, STACK_FILES, InstallRecord())


def applied(files: Files, plan: InstallationPlan) -> Files:
    """Return the files after a plan was applied."""
    after = {**files, **plan.ours, **plan.changed}
    return {path: content for path, content in after.items() if content is not None}


def edited(files: Files, path: str, place: float, edit: str) -> Files:
    """Return the files with one line changed."""
    lines = files[path].decode().splitlines(keepends=True)
    at = int(place * len(lines))
    line = lines[at]
    lines[at : at + 1] = {
        "delete": [],
        "comment": [line.rstrip("\n") + " # mine\n"],
        "insert": ["# mine\n", line],
        "misspell": [line.replace("m", "n")],
    }[edit]
    return {**files, path: "".join(lines).encode()}


@settings(max_examples=15, deadline=None)
@given(st.lists(EDITS, min_size=1, max_size=3))
def test_any_change(edits: list[tuple[str, float, str]]) -> None:
    """After any change of the operator a second run has nothing to do, and its undo equals that of the first."""
    files = applied(STACK_FILES, first())
    for path, place, edit in edits:
        files = edited(files, path, place, edit)
    try:
        again = plan_installation(DESIRED, files, first().record)
    except CannotEditError:
        return  # no longer YAML
    settled = applied(files, again)
    assert plan_installation(DESIRED, settled, again.record).is_done
    at_once, later = plan_removal(files, first().record), plan_removal(settled, again.record)
    if not at_once.notes and not later.notes:
        assert applied(files, at_once) == applied(settled, later)


def test_removed_file() -> None:
    """A file that the operator has removed is not restored, and is named."""
    files = applied(STACK_FILES, first())
    del files[PROMETHEUS]
    plan = plan_removal(files, first().record)
    assert plan.notes == [f"{PROMETHEUS}: you have removed this file, so it stays removed"]
    assert PROMETHEUS not in plan.changed


def test_nothing_is_changed() -> None:
    """A second run has nothing to do, and a removal restores the stack."""
    files = applied(STACK_FILES, first())
    assert plan_installation(DESIRED, files, first().record).is_done
    assert applied(files, plan_removal(files, first().record)) == STACK_FILES
