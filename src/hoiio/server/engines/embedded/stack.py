"""The SIP stack, reduced to what a switchboard needs: caller identities, calls and their signals.

Commands go to the library's runtime directly and events come from one subscription made before
anything is dialled, so no event of a call can be missed however fast it comes.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from baresip import Account, BaresipError, Config, Event, StackEvent
from baresip.runtime import Runtime

from hoiio.server.engines.embedded.acks import Acks, bound_socket
from hoiio.server.engines.embedded.config import IDENTITIES_MAX, LEGS_MAX, EmbeddedConfig
from hoiio.server.engines.embedded.far_end import FarEnds, Said
from hoiio.server.engines.embedded.native import lib
from hoiio.server.engines.embedded.routing import Target
from hoiio.wire import NUMBER

_log: Final = logging.getLogger("hoiio.engine")
_TONE_END: Final = "R"
ANY_ADDRESS: Final = "0.0.0.0"  # noqa: S104 - only where the operator configures it
ANONYMOUS: Final = ("anonymous", "anonymous.invalid")
"""User and domain of a caller who withholds the number (RFC 3323 section 4.1.1.3)."""


class CannotDial(Exception):
    """The stack refused before anything was sent."""


@dataclass(frozen=True, slots=True)
class Signal:
    """Something happened to a call: which, what, and the stack's own text about it."""

    call: int
    kind: Event | Said
    text: str


SignalSink = Callable[[Signal], None]
_WANTED: Final = frozenset(
    {
        Event.CALL_RINGING,
        Event.CALL_PROGRESS,
        Event.CALL_ESTABLISHED,
        Event.CALL_CLOSED,
        Event.CALL_DTMF_START,
        Event.CALL_RTCP,
    }
)


class SipStack:
    """One runtime; only one can live in a process."""

    def __init__(self, config: EmbeddedConfig, port: int) -> None:
        self._config = config
        self._port = port
        self._runtime: Any = Runtime(native_log_level="error")
        self._callers: dict[tuple[str, str, str | None], int] = {}
        self._allocated = 0
        self._allocating = asyncio.Lock()
        self._connecting = asyncio.Lock()
        self._sink: SignalSink | None = None
        self._refusals: set[asyncio.Task[object]] = set()
        self._placed: dict[int, str] = {}
        self._handles: dict[str, int] = {}

    @property
    def callers(self) -> int:
        """How many caller identities were made; the stack can free none of them."""
        return self._allocated

    async def start(self, sink: SignalSink, on_dead: Callable[[], None]) -> None:
        """Listen, refuse incoming calls, register with the trunk. Raises ``CannotDial``."""
        self._sink = sink
        self._runtime.on_dead = on_dead
        FarEnds(self._on_said).attach()
        try:
            await self._runtime.start(self._stack_config())
            self._runtime.subscribe(self._on_event)
            await self._runtime.cmd(lib.BP_CMD_SET_DRAIN)
            self._repeat_acks()
            await self._register()
        except BaresipError as problem:
            raise CannotDial(str(problem)) from problem

    async def close(self) -> None:
        """Stop the stack's thread."""
        await self._runtime.close()

    async def dial(self, target: Target, address: str, caller_id: str | None) -> int:
        """Send an INVITE to the target at an IPv4 address; the call's handle.

        Raises ``CannotDial`` when nothing was sent.
        """
        try:
            caller = await self._caller(caller_id, target, address)
            lines = [f"{caller} 0 {target.uri(address)}", *self._headers(caller_id, target)]
            answer = await self._connect("\n".join(lines))
        except BaresipError as problem:
            raise CannotDial(str(problem)) from problem
        if "handle" not in answer:
            raise CannotDial(f"the stack answered {answer}")
        return int(answer["handle"])

    async def _connect(self, args: str) -> dict[str, Any]:
        async with self._connecting:
            calls = (await self._command(lib.BP_CMD_CALL_COUNT))["calls"]
            if calls >= LEGS_MAX:
                raise CannotDial(f"{calls} calls are all that the stack can have")
            return await self._command(lib.BP_CMD_UA_CONNECT, args)

    async def hang_up(self, call: int) -> None:
        """Send CANCEL or BYE; harmless when the call is gone."""
        await self._command(lib.BP_CMD_CALL_HANGUP, str(call))

    async def press(self, call: int, digit: str) -> None:
        """Begin a key press toward the far end; harmless when the call is gone."""
        await self._command(lib.BP_CMD_CALL_SEND_DIGIT, f"{call} {digit}")

    async def let_go(self, call: int) -> None:
        """End the key press."""
        await self.press(call, _TONE_END)

    async def _command(self, command: int, args: str = "") -> dict[str, Any]:
        _, payload = await self._runtime.cmd(command, args=args)
        return json.loads(payload) if payload else {}

    def _on_event(self, event: StackEvent) -> None:
        if event.event is Event.CALL_TRANSFER:
            self._refuse_transfer(event.call)
        elif event.event is Event.CALL_OUTGOING:
            self._placed[event.call] = event.call_id or ""
            self._handles[event.call_id or ""] = event.call
        elif event.event in _WANTED and event.call in self._placed and self._sink is not None:
            # A refused stranger's call has its events too, and nobody to tell them to.
            if event.event is Event.CALL_CLOSED:
                self._handles.pop(self._placed.pop(event.call), None)
            self._sink(Signal(event.call, event.event, event.text or ""))

    def _on_said(self, call_id: str, said: Said) -> None:
        if (call := self._handles.get(call_id)) is not None and self._sink is not None:
            self._sink(Signal(call, said, ""))

    def _refuse_transfer(self, call: int) -> None:
        # Nobody else decides whom we dial; a REFER left unanswered would hang.
        refusal = asyncio.create_task(self._command(lib.BP_CMD_CALL_TRANSFER_REJECT, f"{call} 603"))
        self._refusals.add(refusal)
        refusal.add_done_callback(self._refusals.discard)

    async def _caller(self, caller_id: str | None, target: Target, address: str) -> int:
        account = self._account(caller_id, target, address)
        key = (account.user, account.domain, account.registrar)
        if key not in self._callers:
            # Calls of one caller ID that begin together must share one identity.
            async with self._allocating:
                if key not in self._callers:
                    self._callers[key] = await self._allocate(account)
        return self._callers[key]

    async def _allocate(self, account: Account) -> int:
        if self._allocated >= IDENTITIES_MAX:
            raise CannotDial(f"{IDENTITIES_MAX} caller identities are all that the stack can have")
        answer = await self._command(lib.BP_CMD_UA_ALLOC, account.aor())
        if "handle" not in answer:
            raise CannotDial("the stack took no more caller identities")
        self._allocated += 1
        return int(answer["handle"])

    def _account(self, caller_id: str | None, target: Target, address: str) -> Account:
        trunk = self._config.trunk if target.by_trunk else None
        if trunk is None:
            user, domain = _identity(caller_id, self._own_domain(address))
            return Account(user, domain, "", reg_interval=0, dtmf_mode="auto")
        user, domain = _identity(caller_id, trunk.domain)
        return Account(
            user if trunk.plus else user.removeprefix("+"),
            domain,
            trunk.password,
            registrar=f"{address}:{trunk.port}",
            reg_interval=0,
            dtmf_mode="auto",
            auth_user=trunk.auth_user or trunk.user or None,
            audio_codecs=trunk.codecs,
        )

    def _own_domain(self, toward: str) -> str:
        if self._config.public_address:
            return self._config.public_address
        if self._config.sip_host != ANY_ADDRESS:
            return self._config.sip_host
        # Connecting a UDP socket sends nothing; it asks the system which address it would use.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((toward, 9))
            return str(probe.getsockname()[0])

    def _headers(self, caller_id: str | None, target: Target) -> list[str]:
        trunk = self._config.trunk
        if caller_id is not None:
            return []
        headers = ["Privacy: id"]
        if trunk is not None and target.by_trunk and trunk.pai_on_private:
            number = (trunk.number or "").removeprefix("" if trunk.plus else "+")
            headers.append(f"P-Asserted-Identity: <sip:{number}@{trunk.domain}>")
        return headers

    def _repeat_acks(self) -> None:
        sock = bound_socket((self._config.sip_host, self._port))
        if sock is None:
            _log.warning("lost ACKs will not be repeated: the SIP socket was not found")
            return
        Acks(sock.sendto).attach()

    async def _register(self) -> None:
        trunk = self._config.trunk
        if trunk is None or not trunk.register:
            return
        handle = await self._allocate(
            Account(
                trunk.user,
                trunk.domain,
                trunk.password,
                registrar=f"{trunk.host}:{trunk.port}",
                auth_user=trunk.auth_user,
            )
        )
        await self._command(lib.BP_CMD_UA_REGISTER, str(handle))

    def _stack_config(self) -> Config:
        host = self._config.sip_host
        low, high = self._config.rtp_ports
        return Config(
            net_interface=None if host == ANY_ADDRESS else host,
            max_concurrent_calls=None,
            sip_trace=True,
            native_log_level="error",
            extra_config_text=(
                f"sip_listen {host}:{self._port}\nsip_transports udp\nrtp_ports {low}-{high}\n"
                "audio_jitter_buffer_type adaptive\naudio_jitter_buffer_ms 40-160\n"
            ),
        )


def _identity(caller_id: str | None, domain: str) -> tuple[str, str]:
    if caller_id is not None and not NUMBER.fullmatch(caller_id):
        raise CannotDial("the caller ID is no number")
    return ANONYMOUS if caller_id is None else (caller_id, domain)
