"""Schedule of a soak: faults of the relay, restarts and kills of the containers, rotations of the log."""

from collections.abc import Iterator
from math import ceil
from typing import Any, Final, NamedTuple

SLOT_SECONDS: Final = 9.0
DISTURBED: Final = 0.6
"""The part of the time with restarts. Later no process is restarted, so that memory can be compared."""
LONG_RUN_SECONDS: Final = 480.0
"""From this length on, a run has an outage in which mail expires."""
OUTAGE_SECONDS: Final = 80.0
"""Longer than MAXIMAL_QUEUE_LIFETIME in docker-compose.soak.yml."""


class Step(NamedTuple):
    """One action, `at` seconds after the start."""

    at: float
    act: str
    """`fault`, `repair`, or a verb of DISTURBANCES."""
    what: str = ""
    parameters: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        """Return the text for the progress output."""
        return f"{self.act} {self.what}".strip()


FAULTS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("wrong_password", {}),
    ("slow", {"seconds": 4, "at": "end"}),
    ("limit_reached", {}),
    ("refuse_connection", {}),
    ("temporary_problem", {"at": "end"}),
    ("rate_limited", {}),
    ("drop_at_data", {}),
    ("too_many_logins", {}),
    ("bad_certificate", {"kind": "self_signed"}),
    ("try_again_later", {}),
    ("sender_not_owned", {"sender": "someone@else.example"}),
    ("app_password_required", {}),
    ("no_starttls", {}),
)
DISTURBANCES: Final = (
    ("restart", "mail-api"),
    ("rotate", "mail-server"),
    ("kill", "mail-exporter"),
    ("restart", "mail-server"),
    ("kill", "mail-api"),
    ("restart", "mail-exporter"),
)


def steps(seconds: float) -> list[Step]:
    """Return the actions of a soak of that length, in order; the last fault is switched off before the end."""
    long = seconds >= LONG_RUN_SECONDS
    slots = [*_slots(seconds - (OUTAGE_SECONDS if long else 0))]
    if long:
        # After the restarts, before the last measurements of memory.
        began = slots[ceil(len(slots) * DISTURBED)][0].at
        outage = [
            Step(began, "fault", "refuse_connection"),
            Step(began + OUTAGE_SECONDS, "repair", "refuse_connection"),
        ]
        slots = [
            *(slot for slot in slots if slot[0].at < began),
            outage,
            *([one._replace(at=one.at + OUTAGE_SECONDS + 1) for one in slot] for slot in slots if slot[0].at >= began),
        ]
    return [step for slot in slots for step in slot]


def settled(seconds: float) -> float:
    """Return the time in seconds from which on no process is restarted."""
    return seconds * DISTURBED + SLOT_SECONDS


def _slots(seconds: float) -> Iterator[list[Step]]:
    count = int(seconds // SLOT_SECONDS)
    for number in range(count):
        at = number * SLOT_SECONDS
        name, parameters = FAULTS[number % len(FAULTS)]
        done = [Step(at + 1, "fault", name, tuple(parameters.items())), Step(at + 7, "repair", name)]
        if number < count * DISTURBED:
            # One round with a failing relay, then one with a working relay.
            hour = 3 if (number // len(DISTURBANCES)) % 2 == 0 else 8
            done.append(Step(at + hour, *DISTURBANCES[number % len(DISTURBANCES)]))
        elif number % 3 == 0:
            done.append(Step(at + 4, "rotate", "mail-server"))
        yield sorted(done)
