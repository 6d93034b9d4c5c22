"""A driver without I/O: steps are told made-up outcomes, and time passes as they say."""

from hoiio.exchange import Sleep
from hoiio.transport import HttpRequest, HttpResponse


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def response(text, status=200, **headers):
    """Header names with underscores for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(status, named, text.encode())


def performed(steps, clock, outcomes, *, takes=0.0):
    """Run an exchange; returns its answer or its exception, what was sent, and what was slept."""
    sent, slept = [], []
    outcome = None
    outcomes = iter(outcomes)
    while True:
        try:
            step = steps.send(outcome)
        except StopIteration as done:
            return done.value, sent, slept
        except Exception as error:  # noqa: BLE001 - the exception is what is looked at
            return error, sent, slept
        if isinstance(step, Sleep):
            assert step.seconds > 0
            slept.append(step.seconds)
            clock.now += step.seconds
            outcome = None
        else:
            assert isinstance(step, HttpRequest)
            sent.append(step)
            clock.now += min(takes, step.total)
            outcome = next(outcomes)
