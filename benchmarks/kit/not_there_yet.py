"""What the comparison leaves out as long as the client has no asynchronous form.

To be removed, with its three uses, as soon as ``hoiio.AsyncClient`` is there.
"""

import dataclasses

import hoiio

HERE = hasattr(hoiio, "AsyncClient")


def without(contenders):
    """The contenders that can run."""
    if HERE:
        return contenders
    print("not there yet: AsyncClient, transport='pyreqwest', history().all()")
    left = {name: it for name, it in contenders.items() if name != "hoiio[fast]"}
    return left | {"hoiio": dataclasses.replace(left["hoiio"], asynchronous=None)}


def pages(client):
    """Every entry, page by page."""
    number = total = 1
    while (number - 1) * 100 < total:
        page = client.voice.history(page=number)
        total, number = page.total_entries_count, number + 1
        yield from page.entries
