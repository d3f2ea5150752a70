"""The soak's report: errors in words, and the table."""

from tests.integration.soak.account import Discrepancy, Evidence, Sent, Tally, Trouble
from tests.integration.soak.memory import Growth
from tests.integration.soak.report import table, troubles

LOST = Discrepancy(Trouble.LOST, "<1@a>", "api: 1 recipients, 0 delivered, 0 given up")


def test_nothing_wrong() -> None:
    """A soak without errors has an empty report."""
    assert troubles([], [Growth("api", 90_000, 90_100)], {"malformed": 0.0}, {"spans_dropped": 0.0}) == []


def test_everything_wrong() -> None:
    """Lost mails, growing processes, malformed lines and non-zero counters are reported."""
    assert troubles([LOST], [Growth("api", 90_000, 190_000)], {"malformed": 2.0}, {"spans_dropped": 3.0}) == [
        "<1@a> lost: accepted, and neither delivered nor given up (api: 1 recipients, 0 delivered, 0 given up)",
        "api grew from 90000 to 190000 KiB",
        "2 malformed lines in the log",
        "spans_dropped is 3",
    ]


def test_many_of_a_kind() -> None:
    """At most 40 mails are listed, then their number."""
    assert troubles([LOST] * 100, [], {}, {})[-1] == "60 more mails"


def test_table() -> None:
    """The table has a line for each entry, and one for all."""
    log = {"<1@a>": Tally(1, 0, 1)}
    printed = table(
        Evidence((Sent("<1@a>", "api", 1, sure=True),), log, log, {"<1@a>": 1}, {}), [], {}, {}, 9
    ).splitlines()
    assert [line.split() for line in printed[2:4]] == [[way, *"1110000"] for way in ("api", "all")]
