"""A model of phones behind an engine, for properties of the machines that command them."""

from dataclasses import dataclass, field

from hoiio.server.engines.protocol import Answered, Cause, Dial, Ended, HangUp


@dataclass
class Phones:
    """Honest phones, whose engine reports late, repeatedly and out of order."""

    up: dict = field(default_factory=dict)
    pending: list = field(default_factory=list)

    def carry_out(self, commands, at):
        for command in commands:
            if isinstance(command, Dial):
                assert command.leg not in self.up, "dialled twice"
                self.up[command.leg] = "ringing"
            elif isinstance(command, HangUp) and self.up.get(command.leg) != "ended":
                self.end(command.leg, at, Cause.HUNG_UP)

    def end(self, leg, at, cause, code=None):
        self.up[leg] = "ended"
        self.pending.append(Ended(leg, at, cause, code, True))

    def act(self, leg, what, at):
        state = self.up.get(leg)
        if state == "ringing" and what == "answer":
            self.up[leg] = "answered"
            self.pending.append(Answered(leg, at))
        elif state == "ringing" and what == "refuse":
            self.end(leg, at, Cause.REMOTE, 486)
        elif state == "answered" and what == "refuse":
            self.end(leg, at, Cause.REMOTE)

    def give_up(self, at, deliver):
        """The engine's deadlines end whatever is left, and its reports arrive in the end."""
        while self.pending or any(state != "ended" for state in self.up.values()):
            for leg, state in list(self.up.items()):
                if state != "ended":
                    late = Cause.DEADLINE if state == "answered" else Cause.RING_TIMEOUT
                    self.end(leg, at, late)
            if self.pending:
                deliver(self.pending.pop(0))
