"""The service as a whole: built from its configuration, started in order, stopped in reverse."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

import structlog
import uvloop

from hoiio.server.api.http import Limits, bind
from hoiio.server.billing.guards import Ceilings, Rules
from hoiio.server.calls.orders import CallSettings
from hoiio.server.config import Config, ConfigError
from hoiio.server.engines.embedded.config import EmbeddedConfig, Ringback, Trunk
from hoiio.server.engines.embedded.engine import EmbeddedEngine
from hoiio.server.engines.protocol import Engine, EngineUnavailable
from hoiio.server.engines.sandbox import RealTime, SandboxEngine
from hoiio.server.files import Shares, needed, raise_limit, shares
from hoiio.server.notifications.check import UrlCheck
from hoiio.server.notifications.egress import Guard
from hoiio.server.notifications.names import Names
from hoiio.server.notifications.post import Poster
from hoiio.server.readers import Address
from hoiio.server.rooms import Plan, base_url, furnish
from hoiio.server.sandbox import shop
from hoiio.server.storage.data import ServiceLock, open_data, prepare_folder
from hoiio.server.storage.protocol import Storage

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class StartError(Exception):
    """The service cannot start; the message is one line for the operator."""


Start = Callable[[Config, AsyncExitStack], Awaitable[str]]
"""Starts the rooms one after another, and tells the stack how to stop what was started."""


def run(config: Config, *, sandbox: bool = False) -> None:
    """Serve until SIGTERM or SIGINT, with SIP or as a sandbox.

    Raises ``ConfigError``, ``StorageError`` or ``StartError`` when it cannot start; whatever was
    started by then is stopped again.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(config, _announce, start_sandbox if sandbox else start_with_sip))


def _announce(url: str) -> None:
    print(f"ready {url}", flush=True)  # noqa: T201 - a contract that scripts rely on


async def serve(config: Config, announce: Callable[[str], None], start: Start) -> None:
    """Start everything, ``announce`` the base URL, and stop everything when a signal comes."""
    stopping = asyncio.Event()
    for each in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(each, stopping.set)
    async with AsyncExitStack() as stack:
        url = await start(config, stack)
        announce(url)
        await stopping.wait()
        log.info("stopping")
    log.info("stopped")


async def start_with_sip(config: Config, stack: AsyncExitStack) -> str:
    """Start the service with its own SIP engine; returns the base URL."""
    engine = EmbeddedEngine(embedded_config(config))
    plan = replace(
        _plan(config, engine, stack, sandbox=False),
        trunk_number=config.sip.trunk.number,
        rules=guard_rules(config),
        ceilings=ceilings(config),
    )
    await _furnish(plan, stack)
    await _tell_without_tariff(plan.storage, config)
    sip_host, sip_port = engine.sip_address
    log.info("started", sip=f"{sip_host}:{sip_port}", data=str(config.data))
    return base_url(config.listen.host, plan.sock)


async def start_sandbox(config: Config, stack: AsyncExitStack) -> str:
    """Start the service without SIP; returns the base URL, then what to paste into a shell."""
    plan = _plan(config, SandboxEngine(RealTime()), stack, sandbox=True)
    customer = await shop.open_shop(plan.storage)
    await _furnish(plan, stack)
    log.info("started a sandbox", data=str(config.data))
    url = base_url(config.listen.host, plan.sock)
    return "\n".join([url, *shop.exports(url, customer)])


def _plan(config: Config, engine: Engine, stack: AsyncExitStack, *, sandbox: bool) -> Plan:
    """What both kinds have alike, opened where it is to be opened."""
    files = _files(config.api.connections)
    folder = open_folder(config.data, stack, sandbox=sandbox)
    sock = bound(config.listen, stack)
    storage = open_data(folder)
    stack.push_async_callback(storage.close)
    guard = Guard((*config.notifications.allow, *(shop.THIS_MACHINE if sandbox else ())))
    names = Names(config.notifications.resolver)
    return Plan(
        engine=engine,
        storage=storage,
        sock=sock,
        poster=Poster(guard, names),
        notify_urls=UrlCheck(guard, names, at_once=files.look_ups),
        calls=call_settings(config),
        dest1_sees=config.calls.dest1_sees,
        wrong_credentials=config.api.wrong_credentials,
        limits=Limits(files.connections, config.api.request_within, config.api.idle_within),
        deliveries=files.deliveries,
        streams_per_application=config.api.streams_per_application,
    )


async def _furnish(plan: Plan, stack: AsyncExitStack) -> None:
    try:
        await furnish(plan, stack)
    except EngineUnavailable as error:
        raise StartError(f"no calls can be placed: {error}") from error


def _files(connections: int) -> Shares:
    """What the system's limit of open files leaves to each; told where that is less than wished."""
    limit = raise_limit()
    found, enough = shares(limit, connections), needed(connections)
    if limit < enough:
        log.warning(
            "few open files: less is done at once; "
            f"let the service open {enough} (ulimit -Hn, LimitNOFILE= of systemd)",
            limit=limit,
            connections=found.connections,
            deliveries=found.deliveries,
        )
    return found


def open_folder(data: Path, stack: AsyncExitStack, *, sandbox: bool) -> Path:
    """The data folder, ready and locked. Raises ``StorageError`` where it is not to be used.

    A sandbox's folder is marked, so that no sandbox spends the credit of a real service's accounts
    and no real service takes over a sandbox's.
    """
    prepare_folder(data)
    stack.enter_context(ServiceLock(data))
    shop.mark(data, sandbox=sandbox)
    return data


def bound(address: Address, stack: AsyncExitStack) -> socket.socket:
    """A socket that listens until the service stops. Raises ``StartError`` where it cannot."""
    try:
        sock = bind(address)
    except OSError as error:
        # A name that does not resolve comes with the resolver's own words.
        reason = error.strerror or str(error)
        raise StartError(
            f"cannot listen on {address}: {reason}; choose another with --listen HOST:PORT"
        ) from error
    stack.callback(sock.close)
    return sock


async def _tell_without_tariff(storage: Storage, config: Config) -> None:
    if not await storage.has_tariff():
        command = f"hoiio admin tariff import FILE.csv --data {config.data}"
        print(  # noqa: T201 - for whoever started the service, however it logs
            f"no tariff yet, so no number can be called; import one: {command}",
            file=sys.stderr,
            flush=True,
        )


def call_settings(config: Config) -> CallSettings:
    """What the controller needs of the configuration."""
    calls = config.calls
    return CallSettings(calls.ring_dest1, calls.ring_dest2, calls.max_duration)


def guard_rules(config: Config) -> Rules:
    """Which numbers the configuration lets accounts call."""
    guards = config.guards
    return Rules(
        guards.refuse_prefixes,
        guards.allow_prefixes,
        guards.countries,
        guards.unknown_regions,
        guards.max_rate,
    )


def ceilings(config: Config) -> Ceilings:
    """What the configuration lets an account spend."""
    guards = config.guards
    return Ceilings(
        guards.spend_per_hour,
        guards.spend_per_day,
        guards.unconnected_seconds_per_hour,
        guards.unconnected_cost_per_hour,
    )


def embedded_config(config: Config) -> EmbeddedConfig:
    """What the engine needs of the configuration. Raises ``ConfigError`` with its objection."""
    sip = config.sip
    tone = sip.ringback
    try:
        return EmbeddedConfig(
            sip_host=sip.listen.host,
            sip_port=sip.listen.port,
            routes=sip.routes,
            trunk=_trunk(config),
            max_legs=config.engine.max_legs,
            media_timeout=sip.media_timeout,
            rtp_ports=sip.rtp_ports,
            ringback=Ringback(tone.frequency, tone.modulation, tone.cadence, tone.level),
            public_address=sip.public_address,
            strict_media=sip.strict_media,
        )
    except ValueError as error:
        raise ConfigError(f"[sip]: {error}") from error


def _trunk(config: Config) -> Trunk | None:
    trunk = config.sip.trunk
    if not trunk.host:
        return None
    return Trunk(
        host=trunk.host,
        port=trunk.port,
        user=trunk.user,
        password=trunk.password,
        auth_user=trunk.auth_user,
        from_domain=trunk.from_domain,
        register=trunk.register,
        number=trunk.number,
        public_address=trunk.public_address,
        codecs=trunk.codecs,
        plus=trunk.plus,
        pai_on_private=trunk.pai_on_private,
    )
