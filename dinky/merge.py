"""Three-way merge: remove our change from a file that has been changed since."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple


class UndoResult(NamedTuple):
    """A text without our change, and the lines of ours that stay because they were changed since."""

    text: str
    kept: tuple[str, ...]


class _Hunk(NamedTuple):
    start: int
    end: int
    lines: tuple[str, ...]

    def overlaps(self, other: "_Hunk") -> bool:
        return max(self.start, other.start) < min(self.end, other.end) or any(
            one.start == one.end and two.start < one.start < two.end for one, two in ((self, other), (other, self))
        )


def undo_changes(*, before: str, after: str, now: str) -> UndoResult:
    """Return `now` without the change from `before` to `after`.

    A hunk of our change that was edited since is kept whole, since it contains the operator's lines.
    """
    lines = _lines(after)
    ours, theirs = (tuple(_hunks(lines, _lines(text))) for text in (before, now))
    back = [one for one in ours if one in theirs or not any(one.overlaps(other) for other in theirs)]
    kept = [line for one in ours if one not in back for line in lines[one.start : one.end]]
    text, at = [], 0
    for hunk in sorted({*back, *theirs}, key=lambda one: (one.start, one.end)):
        text += [*lines[at : hunk.start], *hunk.lines]
        at = hunk.end
    return UndoResult("".join([*text, *lines[at:]]), tuple(line.strip() for line in kept if line.strip()))


def _hunks(old: list[str], new: list[str]) -> Iterator[_Hunk]:
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            yield _Hunk(i1, i2, tuple(new[j1:j2]))


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)
