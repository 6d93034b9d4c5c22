"""The service as a whole: built from its configuration, started in order, stopped in reverse."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

import structlog
import uvloop

from hoiio import wire
from hoiio.server.api.application import build
from hoiio.server.api.desk import Desk
from hoiio.server.api.events import Streams
from hoiio.server.api.guesses import Guesses
from hoiio.server.api.http import HttpServer, Limits, bind
from hoiio.server.api.limits import Queries
from hoiio.server.billing.guards import Ceilings, Rules
from hoiio.server.calls.controller import Controller
from hoiio.server.calls.orders import CallSettings
from hoiio.server.calls.watchers import Watchers
from hoiio.server.config import Config, ConfigError
from hoiio.server.engines.embedded import EmbeddedConfig, EmbeddedEngine, Ringback, Trunk
from hoiio.server.engines.protocol import EngineUnavailable
from hoiio.server.files import Shares, needed, raise_limit, shares
from hoiio.server.notifications.check import UrlCheck
from hoiio.server.notifications.deliverer import Deliverer
from hoiio.server.notifications.egress import Guard
from hoiio.server.notifications.names import Names
from hoiio.server.notifications.post import Poster
from hoiio.server.readers import Address
from hoiio.server.storage.data import ServiceLock, open_data, prepare_folder
from hoiio.server.storage.protocol import Storage

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class StartError(Exception):
    """The service cannot start; the message is one line for the operator."""


def run(config: Config) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises ``ConfigError``, ``StorageError`` or ``StartError`` when it cannot start; whatever was
    started by then is stopped again.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(config, _announce))


def _announce(url: str) -> None:
    print(f"ready {url}", flush=True)  # noqa: T201 - a contract that scripts rely on


async def serve(config: Config, announce: Callable[[str], None]) -> None:
    """Start everything, ``announce`` the base URL, and stop everything when a signal comes."""
    stopping = asyncio.Event()
    for each in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(each, stopping.set)
    async with AsyncExitStack() as stack:
        url = await _start(config, stack)
        announce(url)
        await stopping.wait()
        log.info("stopping")
    log.info("stopped")


async def _start(config: Config, stack: AsyncExitStack) -> str:
    """Start the rooms one after another; ``stack`` knows how to stop what was started."""
    files = _files(config.api.connections)
    engine = EmbeddedEngine(embedded_config(config))
    prepare_folder(config.data)
    stack.enter_context(ServiceLock(config.data))
    sock = _bound(config.listen)
    stack.callback(sock.close)
    storage = open_data(config.data)
    stack.push_async_callback(storage.close)
    await storage.use_ceilings(ceilings(config))
    guard = Guard(config.notifications.allow)
    names = Names(config.notifications.resolver)
    deliverer = Deliverer(storage, Poster(guard, names), overall=files.deliveries)
    watchers = Watchers()
    controller = Controller(
        storage,
        engine,
        call_settings(config),
        settled=deliverer.wake,
        changed=watchers.changed,
    )
    await controller.recover()
    deliverer.start()
    stack.push_async_callback(deliverer.stop)
    stack.push_async_callback(controller.stop)
    try:
        await engine.start(controller.receive)
    except EngineUnavailable as error:
        raise StartError(f"no calls can be placed: {error}") from error
    controller.start()
    await _tell_without_tariff(storage, config)
    desk = Desk(
        storage,
        controller,
        engine,
        config.calls.dest1_sees,
        config.sip.trunk.number,
        UrlCheck(guard, names, at_once=files.look_ups),
        guard_rules(config),
        watchers,
    )
    limits = Limits(files.connections, config.api.request_within, config.api.idle_within)
    guesses = Guesses(config.api.wrong_credentials, time.monotonic)
    queries = Queries(time.monotonic)
    # Half of the connections at most: whoever asks must not find all of them taken by who watches.
    streams = Streams(config.api.streams_per_application, max(1, files.connections // 2))
    app = build(desk, guesses, queries, body_within=limits.request_within, streams=streams)
    server = HttpServer(app, sock, limits)
    stack.push_async_callback(server.stop)
    stack.callback(watchers.close)
    await server.start()
    sip_host, sip_port = engine.sip_address
    log.info("started", sip=f"{sip_host}:{sip_port}", data=str(config.data))
    return f"http://{Address(config.listen.host, sock.getsockname()[1])}{wire.PATH_PREFIX}"


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


def _bound(address: Address) -> socket.socket:
    try:
        return bind(address)
    except OSError as error:
        # A name that does not resolve comes with the resolver's own words.
        reason = error.strerror or str(error)
        raise StartError(
            f"cannot listen on {address}: {reason}; choose another with --listen HOST:PORT"
        ) from error


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
