"""Write readable YAML: keys in the given order, texts of several lines as blocks, no anchors.

With PyYAML, which the tests and the installer need too: ruamel.yaml 0.19 wraps rules with blanks at line ends, and
escapes each quote of a description.
"""

from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Writes values that occur twice in full, and indents lists."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 - the signature of the base
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - same
        super().increase_indent(flow, indentless=False)


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _string)


def dump(document: Any, comment: str) -> str:  # noqa: ANN401 - any YAML
    """Return the document as YAML, after a comment of one or more lines."""
    head = "".join(f"# {line}\n" for line in comment.splitlines())
    body: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return head + body
