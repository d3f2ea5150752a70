"""Three-way merge: our lines are removed from a file that was changed since."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinky.merge import UndoResult, undo_changes

BEFORE = "a\nb\nc\nd"
AFTER = "a\nOURS 1\nOURS 2\nb\nd"

TEXTS = st.lists(st.sampled_from("abcdef"), max_size=12).map("\n".join)


@pytest.mark.parametrize(
    ("now", "expected", "kept"),
    [
        pytest.param(AFTER, BEFORE, (), id="nothing"),
        pytest.param("0\na\nOURS 1\nOURS 2\nb\nd\ne\n", "0\na\nb\nc\nd\ne\n", (), id="lines around"),
        pytest.param("a\nOURS 1\nOURS 2\nX\nb\nd", "a\nX\nb\nc\nd", (), id="a line right behind ours"),
        pytest.param("a\nX\nOURS 1\nOURS 2\nb\nd", "a\nX\nb\nc\nd", (), id="a line right before ours"),
        pytest.param("a\nb\nd", BEFORE, (), id="our line already removed"),
        pytest.param("a\nOURS 1\nmine\nb\nd", "a\nOURS 1\nmine\nb\nc\nd", ("OURS 1", "OURS 2"), id="a line of ours"),
        pytest.param("a\nOURS 1\nX\nOURS 2\nb\nd", "a\nOURS 1\nX\nOURS 2\nb\nc\nd", ("OURS 1", "OURS 2"), id="between"),
        pytest.param(BEFORE, BEFORE, (), id="never written"),
    ],
)
def test_undone(now: str, expected: str, kept: tuple[str, ...]) -> None:
    """Our lines are removed, removed lines return, others stay; a hunk that was changed since stays whole."""
    assert undo_changes(before=BEFORE, after=AFTER, now=now) == UndoResult(expected, kept)


@given(TEXTS, TEXTS)
def test_unchanged_since(before: str, after: str) -> None:
    """An unchanged file is restored byte for byte."""
    assert undo_changes(before=before, after=after, now=after) == UndoResult(before, ())


@given(TEXTS, TEXTS, TEXTS)
def test_changed_elsewhere(before: str, after: str, added: str) -> None:
    """Lines that were added at the end stay at the end."""
    found = undo_changes(before=f"{before}\n-\n", after=f"{after}\n-\n", now=f"{after}\n-\n{added}")
    assert found == UndoResult(f"{before}\n-\n{added}", ())
