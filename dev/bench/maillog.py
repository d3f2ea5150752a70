"""Generates mail logs in the format of our Postfix 3.10, reproducibly, and counts their lines by kind.

A mail, a scan or a daemon's statistics is a story (`stories.py`). Stories that begin one after the other are merged
by time, as they are in a real log, where many mails are under way at once.
"""

import time
from bisect import bisect
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from heapq import heappop, heappush, heapreplace
from itertools import accumulate, count
from pathlib import Path
from random import Random
from typing import Final

from dev.bench.lines import Kind, Line, Story
from dev.bench.stories import ALL_SENT, REALISTIC

HOST: Final = "mail"
_STORIES_PER_SECOND: Final = 2.0
_BUFFER_LINES: Final = 20_000


class Mix(StrEnum):
    """The kinds of mail in a log."""

    SENT = "sent"
    """Every mail is sent at its first attempt."""
    REALISTIC = "realistic"
    """Also retries, bounces, expiry, many recipients, rejects and attacks from the internet."""


@dataclass(slots=True)
class Contents:
    """The contents of a log: lines, bytes, and lines by kind."""

    lines: int = 0
    size: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)


def write(path: Path, mix: Mix, lines: int, *, start: float, seed: int = 1) -> Contents:
    """Write a log of that many lines that begins at `start` (Unix seconds; time stamps are in UTC), and count it."""
    contents = Contents(lines)
    buffer: list[str] = []
    second, stamp = -1, ""
    with path.open("w", encoding="ascii") as file:
        for at, text, kind in merged(beginnings(mix, Random(seed), start), lines):  # noqa: S311 - a log, not a secret
            if int(at) != second:
                second = int(at)
                stamp = time.strftime(f"%b %d %H:%M:%S {HOST} postfix/", time.gmtime(second))
            buffer.append(f"{stamp}{text}\n")
            contents.kinds[kind] += 1
            if len(buffer) == _BUFFER_LINES:
                file.write("".join(buffer))
                buffer.clear()
        file.write("".join(buffer))
        contents.size = file.tell()
    return contents


def beginnings(mix: Mix, rng: Random, start: float) -> Iterator[tuple[float, Story]]:
    """Yield stories without end, each with its random start time: two a second on average."""
    tellers = ALL_SENT if mix is Mix.SENT else REALISTIC
    choices, weights = list(tellers), list(accumulate(tellers.values()))
    at = start
    while True:
        yield at, choices[bisect(weights, rng.random() * weights[-1])](rng, at)
        at += rng.expovariate(_STORIES_PER_SECOND)


def merged(beginnings: Iterator[tuple[float, Story]], lines: int) -> Iterator[Line]:
    """Yield that many lines of the stories, in order of time; some stories are incomplete then."""
    order = count()  # keeps the order of lines with the same time
    under_way: list[tuple[float, int, Line, Story]] = []
    begin, story = next(beginnings)
    for _ in range(lines):
        while not under_way or begin <= under_way[0][0]:
            line = next(story)
            heappush(under_way, (line[0], next(order), line, story))
            begin, story = next(beginnings)
        _, _, line, current = under_way[0]
        following = next(current, None)
        if following is None:
            heappop(under_way)
        else:
            heapreplace(under_way, (following[0], next(order), following, current))
        yield line
