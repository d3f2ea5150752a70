"""A small PromQL parser: the selectors of an expression, and the labels that it groups by."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_:][\w:]*|\d[\w.]*|[=!<>~]+|\S')
_NAME: Final = re.compile(r"[A-Za-z_:][\w:]*")
_SUBQUERY: Final = re.compile(r"\[\w+:\w*\]")
_WORDS: Final = frozenset({"and", "or", "unless", "bool", "offset", "atan2"})
_LABEL_LISTS: Final = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})


class Selector(NamedTuple):
    """A selector: the metric, and its matchers as name, operator and value."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...]


def selectors(expression: str) -> Iterator[Selector]:
    """Yield the selectors of the expression."""
    tokens = _TOKEN.findall(_SUBQUERY.sub("", expression))
    position = 0
    while position < len(tokens):
        token, following = tokens[position], tokens[position + 1 : position + 2]
        position += 1
        if token in _LABEL_LISTS and following == ["("]:
            position = tokens.index(")", position) + 1
        elif _is_metric(token, following):
            if following != ["{"]:
                yield Selector(token, ())
                continue
            end = tokens.index("}", position)
            yield Selector(token, tuple(_matchers(tokens[position + 1 : end])))
            position = end + 1


def _is_metric(token: str, following: list[str]) -> bool:
    is_function = following == ["("] or following in ([word] for word in _LABEL_LISTS)
    return bool(_NAME.fullmatch(token)) and token not in _WORDS and not is_function


def grouped_by(expression: str) -> set[str]:
    """Return the labels that the expression groups or joins by."""
    tokens = _TOKEN.findall(expression)
    found = set()
    for position, token in enumerate(tokens):
        if token in _LABEL_LISTS and tokens[position + 1] == "(":
            found |= {name for name in tokens[position + 2 : tokens.index(")", position)] if name != ","}
    return found


def _matchers(tokens: list[str]) -> Iterator[tuple[str, str, str]]:
    for position in range(0, len(tokens), 4):  # name, operator, value, comma
        name, operator, value = tokens[position : position + 3]
        yield name, operator, value.strip('"')
