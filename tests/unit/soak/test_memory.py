"""Memory, early and late."""

import pytest

from tests.integration.soak.memory import Growth, Memory, growth, largest


def test_largest_of_a_name() -> None:
    """Of several processes with one name the largest counts."""
    assert largest(1.0, "mail-server", [("smtp", 9), ("smtp", 12), ("qmgr", 5)]) == [
        Memory(1.0, "mail-server: smtp", 12),
        Memory(1.0, "mail-server: qmgr", 5),
    ]


def test_growth() -> None:
    """The median of the first part is compared with that of the last; what came and went is left out."""
    seen = [Memory(at, "api", 1000 + at * 10) for at in range(101)] + [Memory(50, "smtpd", 7)]
    assert growth(seen) == [Growth("api", 1150, 1850)]


def test_nothing_seen() -> None:
    """Nothing to compare is no growth."""
    assert growth([]) == []


@pytest.mark.parametrize(
    ("late", "bounded"),
    [pytest.param(116_000, True, id="caches filled"), pytest.param(120_000, False, id="it leaks")],
)
def test_bounded(late: int, *, bounded: bool) -> None:
    """A tenth and 6 MiB more is no leak."""
    assert Growth("api", 100_000, late).bounded is bounded
