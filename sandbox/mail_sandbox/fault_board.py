"""The faults that are switched on, and which of them applies at a point of an SMTP session."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mail_sandbox.faults import KINDS, Fault, FaultName, SessionStage
from mail_sandbox.replies import Situation


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of an SMTP session, with the values that faults depend on."""

    stage: SessionStage
    sender: str = ""
    recipient: str = ""
    in_tls: bool = False
    greylisted_before: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The effect of the faults at a moment: how long to wait first, and the fault that applies, if any."""

    wait_seconds: float = 0.0
    fault: Fault | None = None
    spent: tuple[FaultName, ...] = ()

    @property
    def answer(self) -> Situation | None:
        """Return the reply in place of the usual one."""
        return KINDS[self.fault.name].answer if self.fault else None


def applies(fault: Fault, moment: Moment) -> bool:
    """Return whether a fault applies at a moment."""
    return fault.at is moment.stage and _applies_to(fault, moment)


def _applies_to(fault: Fault, moment: Moment) -> bool:
    sender = moment.sender.strip("<>").lower()
    match fault.name:
        case FaultName.NO_STARTTLS | FaultName.LOGIN_ONLY:
            found = moment.in_tls is (fault.name is FaultName.LOGIN_ONLY)
        case FaultName.GREYLIST:
            found = not moment.greylisted_before
        case FaultName.UNKNOWN_RECIPIENT if fault.recipient:
            found = fault.recipient.lower() == moment.recipient.lower()
        case FaultName.NULL_SENDER_REFUSED:
            found = not sender
        case FaultName.SENDER_NOT_OWNED:
            found = sender != (fault.sender or "").lower()
        case _:
            found = True
    return found


def decide(faults: Iterable[Fault], moment: Moment) -> Decision:
    """Return the effect at a moment: all delays, and the first other fault that applies; the rest are not counted."""
    here = [fault for fault in faults if applies(fault, moment)]
    slow = [fault for fault in here if fault.name is FaultName.SLOW]
    order = list(FaultName)
    others = sorted(
        (fault for fault in here if fault.name is not FaultName.SLOW), key=lambda fault: order.index(fault.name)
    )[:1]
    return Decision(
        wait_seconds=sum(fault.seconds or 0.0 for fault in slow),
        fault=others[0] if others else None,
        spent=tuple(fault.name for fault in (*slow, *others)),
    )


class FaultBoard:
    """The faults that are switched on, with their counts."""

    def __init__(self) -> None:
        self._on: dict[FaultName, Fault] = {}
        self._greylisted: set[tuple[str, str]] = set()

    def switch_on(self, fault: Fault) -> None:
        """Switch a fault on; it replaces one of the same name, and GREYLIST forgets the pairs that it has seen."""
        self._on[fault.name] = fault
        if fault.name is FaultName.GREYLIST:
            self._greylisted.clear()

    def switch_off(self, name: FaultName) -> bool:
        """Switch a fault off; return whether it was on."""
        return self._on.pop(name, None) is not None

    def clear(self) -> None:
        """Switch all faults off."""
        self._on.clear()

    def get(self, name: FaultName) -> Fault | None:
        """Return the fault of that name, or None when it is off."""
        return self._on.get(name)

    def active(self) -> tuple[Fault, ...]:
        """Return the faults that are on, in the order in which they were switched on."""
        return tuple(self._on.values())

    def take(self, moment: Moment) -> Decision:
        """Return the effect at a moment, and reduce the counts of the faults in it."""
        pair = (moment.sender.lower(), moment.recipient.lower())
        decision = decide(self._on.values(), replace(moment, greylisted_before=pair in self._greylisted))
        for name in decision.spent:
            self._spend(name)
        if decision.fault and decision.fault.name is FaultName.GREYLIST:
            self._greylisted.add(pair)
        return decision

    def _spend(self, name: FaultName) -> None:
        fault = self._on[name]
        if fault.count is None:
            return
        if fault.count > 1:
            self._on[name] = replace(fault, count=fault.count - 1)
        else:
            del self._on[name]
