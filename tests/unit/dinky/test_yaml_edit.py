"""Editing YAML text in place."""

import pytest
import yaml

from dinky.yaml_edit import (
    CannotEditError,
    add_first_key,
    add_key,
    append,
    child,
    parse,
    prepend,
    remove_element,
)


def appended(text: str, key: str, block: str) -> str:
    """Return the text with an element behind the last one of the list under a key."""
    sequence = child(parse(text), key)
    assert sequence
    return append(text, sequence, block)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a:\n  - x\nb: 1\n", "a:\n  - x\n  - y\nb: 1\n", id="indented"),
        pytest.param("a:\n- x\nb: 1\n", "a:\n- x\n- y\nb: 1\n", id="not indented"),
        pytest.param("a:\n  - x # why\n\n# next\nb: 1\n", "a:\n  - x # why\n  - y\n\n# next\nb: 1\n", id="comments"),
        pytest.param("b: 1\na:\n  - x", "b: 1\na:\n  - x\n  - y", id="last line without line end"),
        pytest.param("a:\r\n  - x\r\nb: 1\r\n", "a:\r\n  - x\r\n  - y\r\nb: 1\r\n", id="Windows line ends"),
        pytest.param("a: [x, z]\n", "a: [x, z, y]\n", id="brackets"),
        pytest.param("a: []\n", "a: [y]\n", id="empty brackets"),
        pytest.param("a:\n  - k: |\n      t\n\nb: 1\n", "a:\n  - k: |\n      t\n  - y\n\nb: 1\n", id="text at the end"),
        pytest.param("a:\n  - k:\n      - >-\n        t\n        u\n", None, id="folded text at the end"),
        pytest.param('a:\n  - "\u2028"\nb: 1\n', 'a:\n  - "\u2028"\n  - y\nb: 1\n', id="unusual line end in a text"),
        pytest.param("q: &q 1\na:\n  - k: *q\nb: 1\n", "q: &q 1\na:\n  - k: *q\n  - y\nb: 1\n", id="alias at the end"),
    ],
)
def test_append(text: str, expected: str | None) -> None:
    """An element is inserted after the last one, with its indentation, and every other byte stays."""
    result = appended(text, "a", "- y")
    assert result == (expected or f"{text}  - y\n")
    assert yaml.safe_load(result)["a"] == [*yaml.safe_load(text)["a"], "y"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a:\n  # x is\n  - x\n", "a:\n  - y: 1\n  # x is\n  - x\n", id="above its comment"),
        pytest.param("a:\n\n- x\n", "a:\n\n- y: 1\n- x\n", id="not indented"),
    ],
)
def test_prepend(text: str, expected: str) -> None:
    """An element is inserted before the first one and the comment above it."""
    sequence = child(parse(text), "a")
    assert sequence
    assert prepend(text, sequence, "- y: 1") == expected


def test_keys() -> None:
    """Keys are inserted at the end or the beginning of a mapping, with its indentation."""
    text = "a:\n    # first\n    b: 1\n\nc: 2\n"
    mapping = child(parse(text), "a")
    assert mapping
    assert add_key(text, mapping, "x:\n  y: 3") == "a:\n    # first\n    b: 1\n    x:\n      y: 3\n\nc: 2\n"
    assert add_first_key(text, mapping, "x: 3") == "a:\n    # first\n    x: 3\n    b: 1\n\nc: 2\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("k:\n  - a\n  - b # why\nz: 1\n", "k:\n  - a\nz: 1\n", id="list"),
        pytest.param("k:\n  - b\nz: 1\n", "z: 1\n", id="the only one"),
        pytest.param("k:\n  b: {c: 1}\n  a:\n    c: 1\n", "k:\n  a:\n    c: 1\n", id="mapping"),
        pytest.param("k:\n  a: 1\n  b:\n    c: 1\n\nz: 1\n", "k:\n  a: 1\n\nz: 1\n", id="last of a mapping"),
        pytest.param("k: [a, b, 'c']\n", "k: [a, 'c']\n", id="brackets"),
        pytest.param("k: {a: {c: 1}, b: {}}\n", "k: {a: {c: 1}}\n", id="braces"),
        pytest.param("k: [b]\nz: 1\n", "z: 1\n", id="the only one in brackets"),
    ],
)
def test_remove(text: str, expected: str) -> None:
    """An element is removed with its line, and the key with the last element."""
    root = parse(text)
    assert isinstance(root, yaml.MappingNode)
    assert remove_element(text, root, "k", "b") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a: [", "it is no valid YAML", id="broken"),
        pytest.param("# nothing\n", "it is empty", id="empty"),
        pytest.param("a: x\n", "line 1: a list was expected", id="no list"),
        pytest.param("q: &q {}\na:\n  - *q\n", "line 3: the list ends with an alias", id="alias"),
    ],
)
def test_what_cannot_be_edited(text: str, message: str) -> None:
    """Where a line cannot be inserted without guessing, the error has the reason and a line number."""
    with pytest.raises(CannotEditError, match=message):
        appended(text, "a", "- y")


def test_mapping_in_brackets() -> None:
    """An element of several lines is not inserted into a list in brackets."""
    with pytest.raises(CannotEditError, match="line 1: the list is written in brackets"):
        appended("a: [x]\n", "a", "- y:\n    z: 1")
