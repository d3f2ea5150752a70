"""Edit YAML text in place: insert and remove lines, and keep every other byte, comments included.

PyYAML finds the positions. Not ruamel.yaml 0.19: its round trip rewrites the whole file. In the files of the tests'
stack it changed mixed indentation, dropped an unused anchor and removed blanks at line ends.
"""

from collections.abc import Iterator
from functools import lru_cache

import yaml
from yaml import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode


class CannotEditError(Exception):
    """No line can be inserted without guessing, because of the way the file is written; the message has the reason."""


@lru_cache(maxsize=32)  # each change parses the same text again; nodes are read only
def parse(text: str) -> Node:
    """Return the document's root.

    Raises:
        CannotEditError: the text is not valid YAML, or is empty.
    """
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise CannotEditError(f"it is no valid YAML: {' '.join(str(error).split())}") from error
    if root is None:
        raise CannotEditError("it is empty")
    return root


def items(node: Node | None) -> Iterator[tuple[str, Node]]:
    """Yield the keys and values of a mapping; nothing for anything else."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield key.value, value


def child(node: Node | None, *path: str) -> Node | None:
    """Return the value under these keys, if there is one."""
    for name in path:
        node = dict(items(node)).get(name)
    return node


def elements(node: Node | None) -> list[Node]:
    """Return the elements of a sequence; none for anything else."""
    return list(node.value) if isinstance(node, SequenceNode) else []


def scalars(node: Node | None) -> list[str]:
    """Return the texts of a sequence's plain elements."""
    return [str(one.value) for one in elements(node) if isinstance(one, ScalarNode)]


def scalar(node: Node | None, default: str = "") -> str:
    """Return a plain value's text."""
    return str(node.value) if isinstance(node, ScalarNode) else default


def content(node: Node) -> object:
    """Return the value of a node.

    Raises:
        CannotEditError: its tag is not one of plain YAML.
    """
    try:
        return yaml.SafeLoader("").construct_document(node)
    except yaml.YAMLError as error:
        raise CannotEditError(f"line {_line(node)}: {' '.join(str(error).split())}") from error


def append(text: str, sequence: Node, block: str) -> str:
    """Insert elements after the last one of a sequence; `block` has their lines, from the first dash, not indented."""
    return _extended(text, sequence, block, first=False)


def prepend(text: str, sequence: Node, block: str) -> str:
    """Insert elements before the first one of a sequence and the comment above it."""
    return _extended(text, sequence, block, first=True)


def add_key(text: str, mapping: Node, block: str) -> str:
    """Insert keys with their values after the last one of a mapping."""
    if not isinstance(mapping, MappingNode):
        raise CannotEditError(f"line {_line(mapping)}: a mapping was expected")
    if mapping.flow_style:
        raise CannotEditError(f"line {_line(mapping)}: the mapping is written in braces")
    return _insert(text, _after(text, mapping), _indented(block, mapping.start_mark.column))


def add_first_key(text: str, mapping: Node, block: str) -> str:
    """Insert keys with their values before the first one of a mapping."""
    if not isinstance(mapping, MappingNode) or mapping.flow_style:
        raise CannotEditError(f"line {_line(mapping)}: a mapping over several lines was expected")
    start = mapping.start_mark
    return _insert(text, _line_start(text, start.index), _indented(block, start.column))


def rename_key(text: str, mapping: Node | None, name: str, new: str, before: str) -> str:
    """Rename a key of a mapping, and insert the keys of `before` before it."""
    if not isinstance(mapping, MappingNode) or mapping.flow_style:
        raise CannotEditError(f"there is no mapping over several lines that has the key {name}")
    key = next(key for key, _ in mapping.value if key.value == name)
    renamed = text[: key.start_mark.index] + new + text[key.end_mark.index :]
    return _insert(renamed, _line_start(renamed, key.start_mark.index), _indented(before, mapping.start_mark.column))


def remove_element(text: str, owner: MappingNode, key: str, name: str) -> str:
    """Remove an element (or a key) from the value under `key`; with the last one, remove `key`."""
    key_node, value = next(pair for pair in owner.value if pair[0].value == key)
    if isinstance(value, SequenceNode):
        spans = [(one, one, scalar(one)) for one in value.value]
    else:
        spans = [(one, other, one.value) for one, other in value.value]
    if all(found == name for _, _, found in spans):
        return _without_lines(text, key_node, value)
    if value.flow_style:
        kept = ", ".join(text[a.start_mark.index : b.end_mark.index] for a, b, found in spans if found != name)
        around = "[{}]" if isinstance(value, SequenceNode) else "{{{}}}"
        return text[: value.start_mark.index] + around.format(kept) + text[value.end_mark.index :]
    for first, last, found in spans:
        if found == name:
            return _without_lines(text, first, last)
    return text


def _extended(text: str, sequence: Node, block: str, *, first: bool) -> str:
    if not isinstance(sequence, SequenceNode):
        raise CannotEditError(f"line {_line(sequence)}: a list was expected")
    if not sequence.flow_style:
        at = _above(text, sequence.value[0]) if first else _after(text, sequence)
        return _insert(text, at, _indented(block, sequence.start_mark.column))
    lines = [line for line in block.splitlines() if not line.startswith("#")]
    if not all(line.startswith("- ") for line in lines):
        raise CannotEditError(f"line {_line(sequence)}: the list is written in brackets")
    added = ", ".join(line.removeprefix("- ") for line in lines)
    if not sequence.value:
        return text[: sequence.start_mark.index] + f"[{added}]" + text[sequence.end_mark.index :]
    if first:
        at = sequence.value[0].start_mark.index
        return f"{text[:at]}{added}, {text[at:]}"
    at = sequence.value[-1].end_mark.index
    return f"{text[:at]}, {added}{text[at:]}"


def _insert(text: str, at: int, block: str) -> str:
    if at and not text[:at].endswith("\n"):
        # The file's last line has no line end; then ours, the new last line, has none either.
        block = "\n" + block.removesuffix("\n")
    if "\r\n" in text:
        block = block.replace("\n", "\r\n")
    return text[:at] + block + text[at:]


def _indented(block: str, column: int) -> str:
    return "".join(f"{' ' * column}{line}\n" if line else "\n" for line in block.splitlines())


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _line_end(text: str, index: int) -> int:
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def _above(text: str, node: Node) -> int:
    """Return where the node's line starts, or the first of the comment lines directly above it."""
    at = _line_start(text, node.start_mark.index)
    while at:
        before = _line_start(text, at - 1)
        if not text[before:at].lstrip().startswith("#"):
            break
        at = before
    return at


def _after(text: str, node: Node) -> int:
    """Return where the line after the node's last line starts; PyYAML's end of a node may be further down."""
    return _line_end(text, _last(text, node))


def _last(text: str, node: Node) -> int:
    """Return the index of the node's last character; an alias counts where it is used."""
    if not isinstance(node, CollectionNode) or node.flow_style or not node.value:
        end = node.end_mark.index
        while end > node.start_mark.index + 1 and text[end - 1] in " \r\n":
            end -= 1  # the end of a text in several lines is where the next node begins
        return int(end) - 1
    if isinstance(node, SequenceNode):
        last = node.value[-1]
        if last.start_mark.index < node.start_mark.index:
            raise CannotEditError(f"line {_line(node)}: the list ends with an alias")
        return _last(text, last)
    key, value = node.value[-1]
    return _last(text, value if value.start_mark.index > key.start_mark.index else key)


def _without_lines(text: str, first: Node, last: Node) -> str:
    start, end = _line_start(text, first.start_mark.index), _after(text, last)
    return text[:start] + text[end:]


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
