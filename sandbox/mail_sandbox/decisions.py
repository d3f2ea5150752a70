"""What the faults make of each moment of an SMTP session."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from mail_sandbox.faults import KINDS, Fault, FaultName, Stage
from mail_sandbox.replies import Answer


@dataclass(frozen=True, slots=True)
class Moment:
    """The point an SMTP session has reached, as far as faults care."""

    stage: Stage
    sender: str = ""
    recipient: str = ""
    in_tls: bool = False
    greylisted_before: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What the faults make of a moment: how long to wait first, and which fault bites, if any."""

    wait_seconds: float = 0.0
    fault: Fault | None = None
    spent: tuple[FaultName, ...] = ()

    @property
    def answer(self) -> Answer | None:
        """The reply to give instead of the usual one."""
        return KINDS[self.fault.name].answer if self.fault else None


def applies(fault: Fault, moment: Moment) -> bool:
    """Whether a fault has anything to say at a moment."""
    if fault.at is not moment.stage:
        return False
    match fault.name:
        case FaultName.NO_STARTTLS:
            return not moment.in_tls
        case FaultName.GREYLIST:
            return not moment.greylisted_before
        case FaultName.UNKNOWN_RECIPIENT if fault.recipient:
            return fault.recipient.lower() == moment.recipient.lower()
        case _:
            return True


def decide(faults: Iterable[Fault], moment: Moment) -> Decision:
    """What happens at a moment: delays first, then the first fault that bites; the rest stay unspent."""
    here = [fault for fault in faults if applies(fault, moment)]
    slow = [fault for fault in here if fault.name is FaultName.SLOW]
    order = list(FaultName)
    biting = sorted(
        (fault for fault in here if fault.name is not FaultName.SLOW), key=lambda fault: order.index(fault.name)
    )[:1]
    return Decision(
        wait_seconds=sum(fault.seconds or 0.0 for fault in slow),
        fault=biting[0] if biting else None,
        spent=tuple(fault.name for fault in (*slow, *biting)),
    )


class FaultBoard:
    """The faults that are switched on now, counted down as they bite."""

    def __init__(self) -> None:
        self._on: dict[FaultName, Fault] = {}
        self._greylisted: set[tuple[str, str]] = set()

    def switch_on(self, fault: Fault) -> None:
        """The fault is on; one of the same name is replaced, and greylisting starts anew."""
        self._on[fault.name] = fault
        if fault.name is FaultName.GREYLIST:
            self._greylisted.clear()

    def switch_off(self, name: FaultName) -> bool:
        """The fault is off; says whether it had been on."""
        return self._on.pop(name, None) is not None

    def clear(self) -> None:
        """All faults are off."""
        self._on.clear()

    def get(self, name: FaultName) -> Fault | None:
        """The fault of that name, if it is on."""
        return self._on.get(name)

    def active(self) -> tuple[Fault, ...]:
        """The faults that are on, the longest-standing first."""
        return tuple(self._on.values())

    def take(self, moment: Moment) -> Decision:
        """What happens at a moment; each fault that has its say is counted down."""
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
