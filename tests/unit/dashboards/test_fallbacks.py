"""What panels show when a query returns nothing."""

from dashboards.fallbacks import number, of_numbers, rows, series
from dashboards.model import Column, Fallback, Kind, Metrics, Origin, Panel, Text

NOTHING = Fallback("Nothing sent", "up{} == 1")
UP = 'max(up{job="mail-exporter"}) == 1'


def panel(kind: Kind, *queries: Metrics, origin: Origin = Origin.EXPORTER) -> Panel:
    """Return a panel with one fallback."""
    columns = (Column("cause", "Cause"),) if kind is Kind.TABLE else ()
    return Panel(kind, "title", "description", queries, origin=origin, fallbacks=(NOTHING,), columns=columns)


def test_number() -> None:
    """The value counts while the service is up; else the query returns the number of a sentence, or -2 for unknown."""
    expression = number(panel(Kind.STAT), Metrics("sum(a)"))
    assert expression.splitlines() == [
        "(sum(a))",
        f"and on () ({UP})",
        "or on () (0 * (up{} == 1) - 1)",
        f"or on () (0 * ({UP}) - 2)",
    ]


def test_number_of_prometheus() -> None:
    """A panel whose data needs no running service has only its own sentences."""
    place = panel(Kind.STAT, origin=Origin.RULES)
    assert number(place, Metrics("sum(a)")) == "sum(a)\nor on () (0 * (up{} == 1) - 1)"
    assert of_numbers(place) == {"-1": Text("Nothing sent", "green")}


def test_sentences_have_the_numbers_of_the_query() -> None:
    """Each negative number is mapped to its sentence."""
    assert of_numbers(panel(Kind.STAT)) == {
        "-1": Text("Nothing sent", "green"),
        "-2": Text("Not known: see Telemetry", "#8e8e8e"),
    }


def test_rows() -> None:
    """A table without data has a row with the sentence."""
    assert rows(panel(Kind.TABLE), Metrics("a")) == (
        '(a)\nor on () label_replace((0 * (up{} == 1)), "cause", "Nothing sent", "", "")'
    )


def test_series() -> None:
    """A graph without data has one series whose name is the sentence."""
    drawn, fallback = series(panel(Kind.SERIES, Metrics("a", "{{cause}}", by=("cause",), occurred="b > 0")))
    assert (drawn.expr, drawn.legend) == ("(a)\nand on (cause) (b > 0)", "{{cause}}")
    assert (fallback.expr, fallback.legend) == ("0 * (up{} == 1)\nunless on () (b > 0)", "Nothing sent")


def test_series_with_two_sentences() -> None:
    """The second sentence is shown only if the first one does not apply."""
    second = Fallback("No relay", "c == 1")
    place = Panel(Kind.SERIES, "title", "description", (Metrics("a"),), fallbacks=(NOTHING, second))
    assert [one.expr for one in series(place)][2] == "0 * (c == 1)\nunless on () (a or up{} == 1)"


def test_series_with_a_value() -> None:
    """A sentence can have a value, so that it is drawn outside the range of bad values."""
    place = Panel(Kind.SERIES, "title", "description", (Metrics("a"),), fallbacks=(Fallback("far", "b", value=24),))
    assert [one.expr for one in series(place)][1] == "0 * (b) + 24\nunless on () (a)"


def test_rows_of_several_queries() -> None:
    """A table of several queries has a row for missing data."""
    place = panel(Kind.TABLE, Metrics("a"), Metrics("b"))
    assert rows(place, Metrics("a")).splitlines()[-1] == (
        'or on () label_replace(vector(0), "cause", "No data: exporter down", "", "")'
    )
