"""Rules from a reply to a cause: built in (`cause_rules.toml`) and the operator's own (CAUSE_RULES_FILE)."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

from mail_telemetry.causes import EXPLANATIONS, Cause
from mail_telemetry.configuration import stop
from mail_telemetry.replies import Reply, Stage, read_reply

BUILT_IN: Final = Path(__file__).with_name("cause_rules.toml")
_CONDITIONS: Final = ("text", "code", "reply", "stage")
_FIELDS: Final = frozenset({"name", "cause", "source", "next_step", *_CONDITIONS})
_UNMATCHED: Final = "no rule"
T = TypeVar("T", Cause, Stage)


class CauseRulesInvalid(ValueError):
    """A file of rules cannot be used; the message names the rule, the field and the fix."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; conditions that are None always hold.

    Attributes:
        text: is found in the words of the reply.
        code: matches the whole enhanced status code.
        reply: matches the whole reply code.
        stage: when the reply came.
        next_step: replaces the next step of the cause, unless empty.
        source: where the reply is documented or was seen.
    """

    name: str
    cause: Cause
    text: re.Pattern[str] | None = None
    code: re.Pattern[str] | None = None
    reply: re.Pattern[str] | None = None
    stage: Stage | None = None
    next_step: str = ""
    source: str = ""

    def matches(self, reply: Reply) -> bool:
        """Return whether all conditions hold."""
        return (
            (self.stage is None or self.stage is reply.stage)
            and (self.reply is None or bool(self.reply.fullmatch(reply.code)))
            and (self.code is None or bool(self.code.fullmatch(reply.status)))
            and (self.text is None or bool(self.text.search(reply.text)))
        )


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why an attempt failed, and what to do.

    Attributes:
        rule: the name of the rule that decided.
        retry_can_succeed: whether a retry can succeed without a change.
    """

    cause: Cause
    rule: str
    retry_can_succeed: bool
    next_step: str


class Classifier:
    """Finds the cause of failed delivery attempts.

    Args:
        rules: in order; the first one that matches decides.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(rules)
        # A relay gives the same reply for many mails, but for ids, which a Reply does not have. Postfix repeats whole
        # texts: its own, and a relay's for the mails that wait for the same destination.
        self._of_reply = lru_cache(maxsize=1024)(self._first_match)
        self._of_text = lru_cache(maxsize=1024)(self._read_and_match)

    def diagnose(self, text: str, dsn: str) -> Diagnosis:
        """Return the diagnosis of a failed attempt.

        Args:
            text: what the log line has in parentheses behind `status=`.
            dsn: the enhanced status code of the log line, as in `4.7.8` (RFC 3463).
        """
        return self._of_text(text, dsn)

    def diagnose_stored(self, text: str, dsn: str, cause: Cause) -> Diagnosis:
        """Return the diagnosis of an attempt whose cause is stored.

        The stored cause counts, also when the rules have changed since; the rule's next step belongs to the same cause.
        """
        found = self.diagnose(text, dsn)
        return found if found.cause is cause else diagnosis_of(cause)

    def cause(self, text: str, dsn: str) -> Cause:
        """Return the cause of a failed attempt; the arguments are those of `diagnose`."""
        return self.diagnose(text, dsn).cause

    def _read_and_match(self, text: str, dsn: str) -> Diagnosis:
        return self._of_reply(read_reply(text, dsn))

    def _first_match(self, reply: Reply) -> Diagnosis:
        rule = next((one for one in self._rules if one.matches(reply)), None)
        if rule is None:
            return diagnosis_of(Cause.OTHER)
        return diagnosis_of(rule.cause, rule.name, rule.next_step)


def diagnosis_of(cause: Cause, rule: str = _UNMATCHED, next_step: str = "") -> Diagnosis:
    """Return the diagnosis with a cause: its retry, and its next step unless there is another one."""
    known = EXPLANATIONS[cause]
    return Diagnosis(cause, rule, known.retry_can_succeed, next_step or known.next_step)


@cache
def built_in_classifier() -> Classifier:
    """Return the classifier without rules of the operator."""
    return Classifier(load_rules())


@cache
def classifier_with(own_rules: Path | None) -> Classifier:
    """Return the classifier with the rules of a file (CAUSE_RULES_FILE) before the built-in ones.

    Raises:
        CauseRulesInvalid: as `load_rules`.
    """
    return Classifier([*load_rules(own_rules), *load_rules()]) if own_rules else built_in_classifier()


def classifier_or_stop(own_rules: Path | None) -> Classifier:
    """Return the classifier as `classifier_with`, or print the problem of the file on stderr and exit with status 2."""
    try:
        return classifier_with(own_rules)
    except CauseRulesInvalid as error:
        stop(f"CAUSE_RULES_FILE: {error}")


def load_rules(path: Path = BUILT_IN) -> tuple[Rule, ...]:
    """Return the rules of a file.

    Raises:
        CauseRulesInvalid: the file cannot be read, or a rule has an unknown field, cause or stage, or no condition.
    """
    try:
        found = tomllib.loads(path.read_text())
    except OSError as error:
        raise CauseRulesInvalid(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CauseRulesInvalid(f"{path}: is not TOML: {error}") from error
    if unknown := found.keys() - {"rules"}:
        raise CauseRulesInvalid(f"{path}: unknown key {min(unknown)}; rules begin with [[rules]]")
    rules = found.get("rules", [])
    if not isinstance(rules, list):
        raise CauseRulesInvalid(f"{path}: rules begin with [[rules]], in two brackets")
    return tuple(_rule(f"{path}: rule {number}", one) for number, one in enumerate(rules, 1))


def _rule(place: str, fields: Mapping[str, Any]) -> Rule:
    name = fields.get("name")
    if not isinstance(name, str) or not name:
        raise CauseRulesInvalid(f"{place}: has no name")
    place = f"{place} ({name})"
    if unknown := fields.keys() - _FIELDS:
        raise CauseRulesInvalid(f"{place}: unknown field {min(unknown)}; there are {', '.join(sorted(_FIELDS))}")
    if wrong := [field for field, value in fields.items() if not isinstance(value, str)]:
        raise CauseRulesInvalid(f"{place}: {wrong[0]} is not a text")
    if not fields.keys() & {*_CONDITIONS}:
        raise CauseRulesInvalid(f"{place}: has no condition; set one of {', '.join(_CONDITIONS)}")
    return Rule(
        name,
        _choice(place, "cause", fields.get("cause", ""), Cause),
        text=_pattern(place, "text", fields),
        code=_pattern(place, "code", fields),
        reply=_pattern(place, "reply", fields),
        stage=_choice(place, "stage", fields["stage"], Stage) if "stage" in fields else None,
        next_step=fields.get("next_step", ""),
        source=fields.get("source", ""),
    )


def _choice(place: str, field: str, value: str, kind: type[T]) -> T:
    try:
        return kind(value)
    except ValueError:
        raise CauseRulesInvalid(f"{place}: {field} {value!r} is none of {', '.join(kind)}") from None


def _pattern(place: str, field: str, fields: Mapping[str, Any]) -> re.Pattern[str] | None:
    if field not in fields:
        return None
    try:
        return re.compile(fields[field])
    except re.error as error:
        raise CauseRulesInvalid(f"{place}: {field} is not a regular expression: {error}") from error
