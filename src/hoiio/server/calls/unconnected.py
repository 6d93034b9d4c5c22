"""What a call-back runs up while its dest1 is up without its dest2: time that nobody is billed."""

from __future__ import annotations

from hoiio.server.billing import charge
from hoiio.server.billing.charge import Price
from hoiio.server.storage.protocol import NOTHING, Unconnected
from hoiio.wire import MICROS


def unconnected(dest1: Price, micros: int) -> Unconnected:
    """A time alone, in microseconds, in started seconds and at dest1's price."""
    if micros == 0:
        return NOTHING
    return Unconnected(-(-micros // MICROS), charge.debit((dest1,), micros))
