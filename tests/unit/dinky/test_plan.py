"""Whatever the operator makes of the files, a second run finds nothing to do, and what is undone is undone."""

from functools import cache
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.routes.settings import RouteSettings
from dinky import bring, folder
from dinky.needs.model import ALERTMANAGER, COMPOSE, DATASOURCES, PROMETHEUS
from dinky.plan import Files, Plan, Wanted, install, paths, remove
from dinky.record import Record
from dinky.settings import routes
from dinky.yaml_text import CannotEditError
from tests.unit.dinky.conftest import STACK

SETTINGS: Final = RouteSettings.model_construct(alert_webhook_url="https://hook.example/a")
WANTED: Final = Wanted(bring.files(), routes(SETTINGS), "./secrets")
STACK_FILES: Final = folder.read(STACK, paths(WANTED, Record()))

EDITS: Final = st.tuples(
    st.sampled_from((COMPOSE, PROMETHEUS, ALERTMANAGER, DATASOURCES)),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from(("delete", "comment", "insert", "misspell")),
)


@cache
def first() -> Plan:
    """Return the plan of the first installation."""
    return install(WANTED, STACK_FILES, Record())


def carried_out(files: Files, plan: Plan) -> Files:
    """Return the files after a plan."""
    after = {**files, **plan.brought, **plan.changed}
    return {path: content for path, content in after.items() if content is not None}


def edited(files: Files, path: str, place: float, how: str) -> Files:
    """Return the files with one line changed."""
    lines = files[path].decode().splitlines(keepends=True)
    at = int(place * len(lines))
    line = lines[at]
    lines[at : at + 1] = {
        "delete": [],
        "comment": [line.rstrip("\n") + " # mine\n"],
        "insert": ["# mine\n", line],
        "misspell": [line.replace("m", "n")],
    }[how]
    return {**files, path: "".join(lines).encode()}


@settings(max_examples=10)
@given(st.lists(EDITS, min_size=1, max_size=3))
def test_whatever_is_changed(edits: list[tuple[str, float, str]]) -> None:
    """After any changes, one run settles it; undoing that is as good as undoing the first."""
    files = carried_out(STACK_FILES, first())
    for path, place, how in edits:
        files = edited(files, path, place, how)
    try:
        again = install(WANTED, files, first().record)
    except CannotEditError:
        return  # it is no YAML any more
    settled = carried_out(files, again)
    assert install(WANTED, settled, again.record).is_done
    at_once, later = remove(files, first().record), remove(settled, again.record)
    if not at_once.notes and not later.notes:
        assert carried_out(files, at_once) == carried_out(settled, later)


def test_nothing_is_changed() -> None:
    """What is installed is there, and taking it back leaves the stack."""
    files = carried_out(STACK_FILES, first())
    assert install(WANTED, files, first().record).is_done
    assert carried_out(files, remove(files, first().record)) == STACK_FILES
