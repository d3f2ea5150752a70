"""Growth of memory between the first and the last part of a soak."""

import pytest

from tests.integration.soak.memory import Growth, Memory, growth, largest


def test_largest_of_a_name() -> None:
    """Of several processes with one name, the largest counts."""
    assert largest(1.0, "mail-server", [("smtp", 9), ("smtp", 12), ("qmgr", 5)]) == [
        Memory(1.0, "mail-server: smtp", 12),
        Memory(1.0, "mail-server: qmgr", 5),
    ]


def test_growth() -> None:
    """The medians of the first and the last part are compared; a process without both is left out."""
    seen = [Memory(at, "api", 1000 + at * 10) for at in range(101)] + [Memory(50, "smtpd", 7)]
    assert growth(seen) == [Growth("api", 1150, 1850)]


def test_nothing_seen() -> None:
    """Without measurements there is no growth."""
    assert growth([]) == []


@pytest.mark.parametrize(
    ("late", "bounded"),
    [pytest.param(116_000, True, id="no leak"), pytest.param(120_000, False, id="leak")],
)
def test_bounded(late: int, *, bounded: bool) -> None:
    """Growth up to a tenth and 6 MiB is no leak."""
    assert Growth("api", 100_000, late).bounded is bounded
