"""``hoiio serve``: run the service until it is told to stop."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from typing import Annotated

from cyclopts import Parameter

from hoiio.cli.console import UsageError
from hoiio.server import app, log
from hoiio.server.config import ENVIRONMENT, ConfigError, Sip, check_to_serve, load_config
from hoiio.server.storage.errors import StorageError


def serve(
    *,
    config: str | None = None,
    data: str | None = None,
    listen: str | None = None,
    sip: str | None = None,
    route: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    notify_allow: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    sandbox: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Run the service: answer the HTTP API and place the calls, until SIGTERM or Ctrl-C.

    Prints "ready URL" once calls can be placed.

    Parameters
    ----------
    config
        The TOML file; hoiio.toml in the data folder where there is one.
    data
        The data folder, made when it is not there; ./hoiio-data by default.
    listen
        HOST:PORT for HTTP; 127.0.0.1:8080 by default, port 0 picks one.
    sip
        HOST:PORT for SIP over UDP; 127.0.0.1:5060 by default, port 0 picks one.
    route
        NUMBER=SIPURI: reach a number without the trunk, as in +6511111111=sip:192.0.2.7:5062;
        without a port it is 5060. May be repeated.
    notify_allow
        CIDR: let a notify_url lead to this network though it is not public, as in 10.0.0.0/8.
        May be repeated.
    sandbox
        No SIP: phones are pretended and do what their numbers say, as in docs/testing.md. Uses a
        data folder of its own, a temporary one without --data, and prints credentials to paste.

    """
    routes = {number: uri for number, _, uri in (each.partition("=") for each in route)}
    flags = {
        "data": data,
        "listen": listen,
        "sip.listen": sip,
        "sip.routes": routes or None,
        "notifications.allow": notify_allow,
    }
    try:
        if sandbox:
            _serve_sandbox(flags, config)
        else:
            settings = load_config(flags, os.environ, config)
            check_to_serve(settings)
            log.configure(settings.log)
            app.run(settings)
    except (ConfigError, StorageError, app.StartError) as error:
        raise UsageError(str(error)) from error


def _serve_sandbox(flags: Mapping[str, object], config: str | None) -> None:
    with tempfile.TemporaryDirectory(prefix="hoiio-sandbox-") as temporary:
        data = flags["data"] or os.environ.get(f"{ENVIRONMENT}DATA") or temporary
        settings = load_config({**flags, "data": data}, os.environ, config)
        if settings.sip != Sip():
            raise ConfigError(
                "a sandbox has no SIP: leave out --sandbox, or --sip and --route "
                "and all sip settings"
            )
        check_to_serve(settings)
        log.configure(settings.log)
        app.run(settings, sandbox=True)
