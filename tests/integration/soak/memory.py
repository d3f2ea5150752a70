"""Memory of each process during a soak, and whether it grew."""

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Final, NamedTuple

FACTOR: Final = 1.10
SLACK_KIB: Final = 6144
"""A process may be a tenth and 6 MiB larger at the end: caches fill, allocators keep what they had."""
_WINDOW: Final = 0.3


class Memory(NamedTuple):
    """Resident memory of one program of one container at a moment; of several processes, the largest."""

    at: float
    process: str
    kib: int


class Growth(NamedTuple):
    """Memory of a process in the first and in the last part of the measured time."""

    process: str
    early: int
    late: int

    @property
    def bounded(self) -> bool:
        """Whether it grew no more than caches do."""
        return self.late <= self.early * FACTOR + SLACK_KIB


def largest(at: float, container: str, processes: Iterable[tuple[str, int]]) -> list[Memory]:
    """Return one entry for each program's name."""
    found: dict[str, int] = {}
    for name, kib in processes:
        found[name] = max(kib, found.get(name, 0))
    return [Memory(at, f"{container}: {name}", kib) for name, kib in found.items()]


def growth(seen: Sequence[Memory]) -> list[Growth]:
    """Return the growth of every process with measurements in the first and in the last part."""
    if not seen:
        return []
    first, last = min(one.at for one in seen), max(one.at for one in seen)
    window = (last - first) * _WINDOW
    found = []
    for process in sorted({one.process for one in seen}):
        early = [one.kib for one in seen if one.process == process and one.at <= first + window]
        late = [one.kib for one in seen if one.process == process and one.at >= last - window]
        if early and late:
            found.append(Growth(process, round(median(early)), round(median(late))))
    return found
