"""Hooks of schemathesis: leave out forms with a value null, which arrives as the text "null" and is valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import schemathesis

if TYPE_CHECKING:
    from schemathesis.hooks import HookContext


@schemathesis.hook
def filter_case(_context: HookContext, case: schemathesis.Case[Any]) -> bool:
    """Return whether the case is sent as it was generated: a form has text only, and JSON alone has null."""
    if case.media_type == "application/json" or not isinstance(case.body, dict):
        return True
    return None not in case.body.values()
