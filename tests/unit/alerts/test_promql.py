"""PromQL parser of the contract tests."""

import pytest

from tests.contract.promql import Selector, grouped_by, selectors


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param("vector(1)", [], id="no selector"),
        pytest.param('up{job="a"} == 0', [Selector("up", (("job", "=", "a"),))], id="one selector"),
        pytest.param(
            'sum by (b, c) (increase(x_total{b=~"y|z",c!="d, e"}[1h])) > 0',
            [Selector("x_total", (("b", "=~", "y|z"), ("c", "!=", "d, e")))],
            id="functions, groups and ranges",
        ),
        pytest.param(
            "sum(x) by (b) and on (c) y:z:sum5m", [Selector("x", ()), Selector("y:z:sum5m", ())], id="without braces"
        ),
        pytest.param(
            "x offset 1h unless y{} > 250e6", [Selector("x", ()), Selector("y", ())], id="keywords, empty braces"
        ),
    ],
)
def test_selectors(expression: str, expected: list[Selector]) -> None:
    """Selectors are found; functions, numbers and keywords are not taken for selectors."""
    assert expected == list(selectors(expression))


def test_grouped_by() -> None:
    """Labels of groupings and of joins are found."""
    assert grouped_by("sum by (a, b) (x) * on (c) group_left (d) y") == {"a", "b", "c", "d"}
