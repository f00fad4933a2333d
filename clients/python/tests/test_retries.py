"""When a call is made again."""

import grpc
import pytest

from callboard import CallboardError, HandlerError, Retry
from callboard.retry import Attempts

UNAVAILABLE = CallboardError(grpc.StatusCode.UNAVAILABLE, "nobody is there")


class Clock:
    """A time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def longest_waits(retry: Retry, error: CallboardError = UNAVAILABLE) -> list[float | None]:
    attempts = Attempts(retry, None, chance=lambda: 1.0)
    return [attempts.wait_after(error) for _ in range(retry.attempts + 1)]


def asked_to_wait(seconds: float, code: str = "RESOURCE_EXHAUSTED") -> CallboardError:
    return CallboardError(grpc.StatusCode[code], "later", retry_delay=seconds)


def test_waits_double_up_to_the_cap():
    retry = Retry(attempts=7, base=0.1, cap=1.0)
    assert longest_waits(retry) == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0, None, None]


def test_a_wait_may_be_nothing():
    assert Attempts(Retry(), None, chance=lambda: 0.0).wait_after(UNAVAILABLE) == 0


def test_one_attempt_is_never_to_try_again():
    assert longest_waits(Retry(attempts=1)) == [None, None]


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 0.5), (1.0, 0.6)])
def test_the_gateway_is_waited_for_and_up_to_a_fifth_longer(chance, wait):
    attempts = Attempts(Retry(), None, chance=lambda: chance)
    assert attempts.wait_after(asked_to_wait(0.5)) == pytest.approx(wait)


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code.name != "UNAVAILABLE"])
def test_other_codes_are_final(code):
    assert Attempts(Retry(), None).wait_after(CallboardError(code, "no")) is None


def test_a_deadline_that_passed_is_final_whatever_the_gateway_says():
    assert Attempts(Retry(), None).wait_after(asked_to_wait(0.1, "DEADLINE_EXCEEDED")) is None


def test_an_answer_of_the_actor_is_final():
    error = HandlerError(grpc.StatusCode.UNAVAILABLE, "sold out", retry_delay=0.1)
    assert Attempts(Retry(), None).wait_after(error) is None


def test_no_wait_goes_beyond_the_deadline():
    clock = Clock()
    attempts = Attempts(Retry(attempts=9), 1.0, clock, lambda: 0.0)
    assert attempts.wait_after(asked_to_wait(0.6)) == 0.6
    clock.now += 0.6
    assert attempts.remaining() == pytest.approx(0.4)
    assert attempts.wait_after(asked_to_wait(0.6)) is None


def test_after_a_success_attempts_are_counted_anew():
    attempts = Attempts(Retry(attempts=2), None)
    assert attempts.wait_after(UNAVAILABLE) is not None
    attempts.start_anew()
    assert attempts.wait_after(UNAVAILABLE) is not None
    assert attempts.wait_after(UNAVAILABLE) is None


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"base": -1.0}, {"cap": -1.0}])
def test_a_policy_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="is"):
        Retry(**wrong)
