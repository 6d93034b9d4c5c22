"""The phone itself: waits for calls on a SIP port and treats each one as it was told.

A process holds one phone, for the SIP stack is global to it. One call at a time: the stack
answers a second one with 486.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from dataclasses import dataclass
from typing import Final

from baresip.config import Account, Config
from baresip.errors import BaresipError
from baresip.runtime import Runtime
from baresip.ua import UserAgent

from hoiio.softphone.conversation import Conversation, Manner
from hoiio.softphone.invite import Invite, caller_id
from hoiio.softphone.ports import udp_ports
from hoiio.softphone.report import Fields, Report
from hoiio.softphone.stack import Call
from hoiio.softphone.trace import Invites

ANY_HOST: Final = "0.0.0.0"  # noqa: S104 - compared with, not bound by default


class CannotListen(Exception):
    """The address cannot be used; the message says why, for the person who gave it."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the phone listens; port 0 takes any."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


async def run(number: str, address: Address, manner: Manner, report: Report) -> None:
    """Take calls one after another until SIGTERM or SIGINT, or until nobody reads the report.

    Raises ``CannotListen`` when the address is in use or not this machine's.
    """
    stop = _stop_signal()
    report = _while_read(report, stop)
    host = _probe(address)
    runtime = Runtime()
    invites = Invites()
    with invites.collected():
        try:
            await runtime.start(_config(host, address.port, manner))
        except BaresipError as error:
            raise CannotListen(f"cannot listen on {address}: {error}") from error
        try:
            async with asyncio.TaskGroup() as calls:
                phone = _Phone(manner, report, invites, calls)
                await phone.attach(runtime, number)
                (port,) = udp_ports(host)
                report("listening", {"number": number, "address": f"{host}:{port}"})
                await stop.wait()
                await phone.quit()
        finally:
            await runtime.close()


class _Phone:
    """What rings: hands each call to a conversation of its own."""

    def __init__(
        self, manner: Manner, report: Report, invites: Invites, calls: asyncio.TaskGroup
    ) -> None:
        self._manner = manner
        self._report = report
        self._invites = invites
        self._calls = calls
        self._live: set[Conversation] = set()

    async def attach(self, runtime: Runtime, number: str) -> None:
        """Answer to any user part, and execute no transfer."""
        account = Account(
            number, "phone.invalid", "", reg_interval=0, extra_params=("catchall=yes",)
        )
        agent = await UserAgent.create(runtime, account, transfer_policy="reject")
        agent.on_incoming(self._on_incoming)  # pyright: ignore[reportUnknownMemberType] - untyped callback

    async def quit(self) -> None:
        """Hang up, or refuse what still rings."""
        for conversation in list(self._live):
            await conversation.end()

    def _on_incoming(self, call: Call) -> None:
        # At once, on the event itself: what the stack reports next must not be missed.
        conversation = Conversation(call, self._manner, self._report)
        self._live.add(conversation)
        self._calls.create_task(self._take(call, conversation))

    async def _take(self, call: Call, conversation: Conversation) -> None:
        invite = await self._invites.take(call.call_id or "")
        self._report("ringing", _ringing(invite, call))
        await conversation.run()
        self._live.discard(conversation)


def _ringing(invite: Invite | None, call: Call) -> Fields:
    if invite is None:
        return {"caller_id": caller_id(call.peer or ""), "headers": []}
    return {"caller_id": invite.caller_id, "headers": [list(each) for each in invite.headers]}


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _while_read(report: Report, stop: asyncio.Event) -> Report:
    """The same report, which stops the phone when whoever read it is gone."""

    def heeded(event: str, fields: Fields) -> None:
        try:
            report(event, fields)
        except BrokenPipeError:
            stop.set()

    return heeded


def _probe(address: Address) -> str:
    """The address's IPv4 host, after making sure that its port can be had."""
    try:
        host = socket.gethostbyname(address.host)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((host, address.port))
    except OSError as error:
        raise CannotListen(f"cannot listen on {address}: {error.strerror}") from error
    return host


def _config(host: str, port: int, manner: Manner) -> Config:
    return Config(
        net_interface=None if host == ANY_HOST else host,
        max_concurrent_calls=1,
        sip_trace=True,
        native_log_level="error",
        rtp_timeout=max(1, round(manner.media_timeout)),
        extra_config_text=f"sip_listen {host}:{port}\naudio_jitter_buffer_ms 40-160\n",
    )
