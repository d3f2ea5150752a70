"""A trace as text: one line for each span, under its parent."""

from collections.abc import Sequence
from typing import Final, NamedTuple

_NOTE_WIDTH: Final = 80


class Branch(NamedTuple):
    """A span: how deep it stands, its name, when it began and ended (Unix seconds), and what to say of it."""

    depth: int
    name: str
    start: float
    end: float
    note: str = ""


def draw(branches: Sequence[Branch]) -> str:
    """Return the tree of branches that stand in their order, each behind its parent.

    postfix receive              +0 ms   100 ms
    └─ postfix deliver           +0 ms   320 ms  deferred: auth, 535-5.7.8 Username and Password not ...
       └─ postfix queue        +100 ms    20 ms
    """
    if not branches:
        return ""
    begin = branches[0].start
    rows = [
        (_stem(branches, index) + branch.name, f"+{_time(branch.start - begin)}", _time(branch.end - branch.start))
        for index, branch in enumerate(branches)
    ]
    name, start, lasted = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(
        f"{row[0]:<{name}}  {row[1]:>{start}}  {row[2]:>{lasted}}  {branch.note}".rstrip()
        for row, branch in zip(rows, branches, strict=True)
    )


def shortened(reply: str) -> str:
    """Return the words that the relay itself said, their end left out where they would not fit behind a branch."""
    text = reply.partition(" said: ")[2] or reply
    return text if len(text) <= _NOTE_WIDTH else text[: _NOTE_WIDTH - 4].rstrip() + " ..."


def _stem(branches: Sequence[Branch], index: int) -> str:
    """Return what stands before a branch's name: for each level above, whether a sibling follows."""
    depth = branches[index].depth
    below = [branch.depth for branch in branches[index + 1 :]]

    def goes_on(level: int) -> bool:
        return next((other == level for other in below if other <= level), False)

    trunks = "".join("│  " if goes_on(level) else "   " for level in range(1, depth))
    return trunks + (("├─ " if goes_on(depth) else "└─ ") if depth else "")


def _time(seconds: float) -> str:
    milliseconds = max(0, round(seconds * 1000))
    for size, unit in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s")):
        if milliseconds >= size:
            return f"{milliseconds / size:.3g} {unit}"
    return f"{milliseconds} ms"
