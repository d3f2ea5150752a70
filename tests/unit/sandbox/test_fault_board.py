"""Fault board: which faults apply at a stage of a session."""

import pytest

from mail_sandbox.fault_board import Decision, FaultBoard, Moment, decide
from mail_sandbox.faults import Fault, FaultName, SessionStage, build
from mail_sandbox.replies import Situation

WRONG_PASSWORD = build("wrong_password", {})
TOO_MANY_LOGINS = build("too_many_logins", {})
SLOW_LOGIN = build("slow", {"seconds": 3, "at": "auth"})


def test_without_faults_nothing_happens() -> None:
    """Without faults there is no fault, no wait and no reply."""
    assert decide([], Moment(SessionStage.AUTH)) == Decision()


def test_fault_at_another_stage() -> None:
    """A login fault does not apply at the recipient stage."""
    assert decide([WRONG_PASSWORD], Moment(SessionStage.RCPT)) == Decision()


def test_only_one_fault_replies() -> None:
    """Of two faults with a reply, the first one of FaultName applies, whatever the order of switching on."""
    decision = decide([WRONG_PASSWORD, TOO_MANY_LOGINS], Moment(SessionStage.AUTH))
    assert decision.answer is Situation.TOO_MANY_LOGINS
    assert decision.spent == (FaultName.TOO_MANY_LOGINS,)


def test_slow_fault_with_another_fault() -> None:
    """The wait of a slow fault is added to the reply of another fault."""
    decision = decide([WRONG_PASSWORD, SLOW_LOGIN], Moment(SessionStage.AUTH))
    assert (decision.wait_seconds, decision.answer) == (3, Situation.WRONG_PASSWORD)


@pytest.mark.parametrize(
    ("fault", "moment", "applies"),
    [
        (build("no_starttls", {}), Moment(SessionStage.EHLO), True),
        (build("no_starttls", {}), Moment(SessionStage.EHLO, in_tls=True), False),
        (build("greylist", {}), Moment(SessionStage.RCPT), True),
        (build("greylist", {}), Moment(SessionStage.RCPT, greylisted_before=True), False),
        (build("unknown_recipient", {}), Moment(SessionStage.RCPT, recipient="a@b.example"), True),
        (
            build("unknown_recipient", {"recipient": "A@b.example"}),
            Moment(SessionStage.RCPT, recipient="a@B.example"),
            True,
        ),
        (
            build("unknown_recipient", {"recipient": "c@b.example"}),
            Moment(SessionStage.RCPT, recipient="a@b.example"),
            False,
        ),
    ],
    ids=[
        "plain ehlo",
        "ehlo in tls",
        "first try",
        "second try",
        "any recipient",
        "given recipient, case ignored",
        "another recipient",
    ],
)
def test_conditions(fault: Fault, moment: Moment, *, applies: bool) -> None:
    """Some faults depend on TLS, the recipient or an earlier attempt."""
    assert applies == (decide([fault], moment).fault is not None)


def test_fault_with_a_count() -> None:
    """A fault with a count is switched off after that many replies."""
    board = FaultBoard()
    board.switch_on(build("content", {"count": 2}))
    answers = [board.take(Moment(SessionStage.END)).answer for _ in range(3)]
    assert answers == [Situation.FORBIDDEN_CONTENT, Situation.FORBIDDEN_CONTENT, None]
    assert board.active() == ()


def test_greylisting_defers_each_pair_once() -> None:
    """Each new sender and recipient is deferred once; the second attempt is accepted."""
    board = FaultBoard()
    board.switch_on(build("greylist", {}))
    pairs = [("s@x", "a@y"), ("s@x", "b@y"), ("s@x", "a@y"), ("S@x", "A@y"), ("t@x", "a@y")]
    deferred = [board.take(Moment(SessionStage.RCPT, sender, to)).fault is not None for sender, to in pairs]
    assert deferred == [True, True, False, False, True]


def test_greylisting_switched_on_again() -> None:
    """Switching greylisting on again defers all pairs once more."""
    board = FaultBoard()
    for _ in range(2):
        board.switch_on(build("greylist", {}))
        assert board.take(Moment(SessionStage.RCPT, "s@x", "a@y")).answer is Situation.GREYLISTED


def test_faults_can_be_switched_off() -> None:
    """Faults are switched off one by one, or all at once."""
    board = FaultBoard()
    board.switch_on(WRONG_PASSWORD)
    board.switch_on(SLOW_LOGIN)
    assert board.switch_off(FaultName.WRONG_PASSWORD)
    assert not board.switch_off(FaultName.WRONG_PASSWORD)
    assert board.active() == (SLOW_LOGIN,)
    board.clear()
    assert board.active() == ()
