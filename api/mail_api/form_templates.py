"""Templates of form files: Jinja2 in its immutable sandbox, with few filters, no calls, and a bounded output.

The operator writes a template; what visitors send is always a value in it, never a part of it. A field that the form
did not send is an empty text, so that optional fields need no test. Every other unknown name is an error when the file
is loaded.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mail_api.errors import InvalidRequest

LONGEST_OUTPUT: Final = 500_000
"""Characters of one rendered template."""
FILTERS: Final = frozenset(
    {
        *("abs", "capitalize", "d", "default", "e", "escape", "first", "float", "indent", "int", "items", "join"),
        *("last", "length", "list", "lower", "reverse", "round", "sort", "string", "striptags", "title", "trim"),
        *("truncate", "unique", "upper", "urlencode", "wordcount", "wordwrap"),
    }
)
"""Filters of Jinja2 that templates can use. None of them marks a text as safe HTML."""
ALL_FIELDS: Final = "fields"
"""The name of the mapping of all fields, for names such as `your-name` and for loops."""
_READING: Final = frozenset({"items", "keys", "values"})
_SAMPLES: Final = ("", "Sample text\nwith a second line", "1")
_FAILURES: Final = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError)


class TemplateUnusable(ValueError):
    """A template that cannot be compiled, or fails with sample values; the message has the line where known."""


class _Fields(dict[str, str]):
    """All fields of a request; an absent one is empty."""

    def __missing__(self, _name: str) -> str:
        return ""


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox without globals, and with calls for reading `fields` only."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(autoescape=autoescape, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        self.globals.clear()
        self.filters = {name: function for name, function in self.filters.items() if name in FILTERS}

    def is_safe_callable(self, obj: Any) -> bool:  # noqa: ANN401 - the base class's type
        """Return whether the object reads the mapping of fields; methods of text could make it arbitrarily long."""
        return isinstance(getattr(obj, "__self__", None), _Fields) and getattr(obj, "__name__", "") in _READING

    def call_binop(self, _context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401 - same
        """Return the result for numbers; with a text, these operators could make it arbitrarily long."""
        if operator == "**" or isinstance(left, str) or isinstance(right, str):
            raise SecurityError(f"the operator {operator} is not available here")
        return self.binop_table[operator](left, right)


_TEXT: Final = _Sandbox(autoescape=False)
_HTML: Final = _Sandbox(autoescape=True)


class FormTemplate:
    """A compiled template of a form file.

    Args:
        source: the template's text.
        is_html: whether values are escaped for HTML.

    Raises:
        TemplateUnusable: it cannot be compiled, or fails with sample values.
    """

    def __init__(self, source: str, *, is_html: bool = False) -> None:
        environment = _HTML if is_html else _TEXT
        try:
            tree = environment.parse(source)
            self._template: Template = environment.from_string(source)
            names = meta.find_undeclared_variables(tree)
        except TemplateSyntaxError as error:
            raise TemplateUnusable(f"line {error.lineno}: {error.message}") from None
        except _FAILURES as error:
            raise TemplateUnusable(str(error)) from None
        self._names = frozenset(names - {ALL_FIELDS})
        self._by_item, self._uses_all = _uses_of_mapping(tree)
        for sample in _SAMPLES:
            self._try(sample)

    @property
    def names(self) -> frozenset[str]:
        """The fields that the template names."""
        return self._names | self._by_item

    def shows(self, name: str) -> bool:
        """Return whether the template uses the field."""
        return self._uses_all or name in self.names

    def render(self, values: Mapping[str, str]) -> str:
        """Return the text with the values of these fields; all others are empty.

        Raises:
            InvalidRequest: the text is longer than LONGEST_OUTPUT.
        """
        context = {name: values.get(name, "") for name in self._names}
        pieces: list[str] = []
        length = 0
        for piece in self._template.generate(context | {ALL_FIELDS: _Fields(values)}):
            length += len(piece)
            if length > LONGEST_OUTPUT:
                raise InvalidRequest((("request", f"makes a mail of more than {LONGEST_OUTPUT} characters"),))
            pieces.append(piece)
        return "".join(pieces)

    def _try(self, sample: str) -> None:
        try:
            self.render(dict.fromkeys(self.names, sample))
        except _FAILURES as error:
            raise TemplateUnusable(f"fails when fields have the value {sample!r}: {error}") from None


def _uses_of_mapping(tree: nodes.Template) -> tuple[frozenset[str], bool]:
    """Return the fields that are read as `fields["name"]` or `fields.name`, and whether `fields` is used otherwise."""
    uses = Counter(node.name for node in tree.find_all(nodes.Name) if node.ctx == "load")[ALL_FIELDS]
    items = [
        node.arg.value
        for node in tree.find_all(nodes.Getitem)
        if _is_mapping(node.node) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str)
    ]
    attributes = [
        node.attr for node in tree.find_all(nodes.Getattr) if _is_mapping(node.node) and node.attr not in _READING
    ]
    return frozenset((*items, *attributes)), uses > len(items) + len(attributes)


def _is_mapping(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == ALL_FIELDS
