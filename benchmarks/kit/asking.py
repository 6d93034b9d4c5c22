"""Asking a service that may die at any moment: without an answer, again under the same key."""

import itertools
import threading
import time

import httpx2

AGAIN = 0.2
"""Seconds until what got no answer is asked again."""

PATIENCE = 5.0
"""Seconds that an answer may take."""


class Request:
    """One chargeable request, under a key of its own, and every answer that it got."""

    numbers = itertools.count(1)

    def __init__(self, app, path, params):
        self.app, self.path, self.params = app, path, params
        self.key = f"chaos-{next(self.numbers)}"
        self.answers = []

    @property
    def refs(self):
        """The transactions that it was told of; None as long as none was."""
        placed = [answer for answer in self.answers if answer["status"] == "success_ok"]
        return told_refs(placed[0]) if placed else None


def told_refs(answer):
    """The refs in an answer, whether it is of a call-back or of a conference."""
    refs = answer.get("txn_refs") or [answer["txn_ref"]]
    return refs.split(",") if isinstance(refs, str) else refs


class Asker:
    """Sends requests to wherever the service is now."""

    def __init__(self, where):
        self._where = where
        self._local = threading.local()
        self.unanswered = 0

    def post(self, app, path, params, key=None):
        """The answer, or None when there was none."""
        if not hasattr(self._local, "http"):
            self._local.http = httpx2.Client(timeout=PATIENCE, trust_env=False)
        try:
            answer = self._local.http.post(
                f"{self._where()}{path}",
                data=app | params,
                headers={"Idempotency-Key": key} if key else {},
            )
            return answer.json() if answer.status_code == 200 else None
        except (httpx2.HTTPError, ValueError):
            self.unanswered += 1
            return None

    def place(self, request, until):
        """Ask until there is an answer or the time is up."""
        while time.monotonic() < until:
            answer = self.post(request.app, request.path, request.params, request.key)
            if answer is not None:
                request.answers.append(answer)
                return answer
            time.sleep(AGAIN)
        return None
