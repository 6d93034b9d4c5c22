"""What an answer does later: wait, watch, walk; and what it does not."""

import asyncio
import threading

import pytest

from hoiio import APIError, AsyncClient, Client, InvalidArgument
from hoiio.transport import HttpResponse
from support.steps import response

REFUSED = '{"status": "error_invalid_txn_ref"}'
PAGE = (
    '{"status": "success_ok", "total_entries_count": "2", "entries_count": "2", '
    '"entries": [{"txn_ref": "TX-2"}, {"txn_ref": "TX-1"}]}'
)


class Canned:
    """A transport that has one answer."""

    def __init__(self, text):
        self.text = text
        self.sent = 0

    def send(self, request):
        self.sent += 1
        return response(self.text)

    def close(self):
        pass


class AsyncCanned(Canned):
    """The same in async."""

    async def send(self, request):
        return super().send(request)

    async def close(self):
        pass


def test_a_refusal_that_is_waited_for_is_an_answer_like_any_other():
    """From the method and from the answer alike; with raise_errors it never gets so far."""
    client = Client("id", "token", transport=Canned(REFUSED))
    refused = client.voice.status("NOPE")
    for answer in (
        client.voice.wait("NOPE"),
        refused.wait(),
        client.voice.call(None, "+6522222222").wait("answered", timeout=1),
        *client.voice.watch("NOPE"),
        *refused.watch(timeout=1),
    ):
        assert (answer.is_success(), answer.status) == (False, "error_invalid_txn_ref")
    strict = Client("id", "token", transport=Canned(REFUSED), raise_errors=True)
    for ask in (strict.voice.status, strict.voice.wait):
        with pytest.raises(APIError):
            ask("NOPE")


def test_async_waits_for_a_refusal_as_sync_does():
    """The same answers, and as many of them."""

    async def main():
        client = AsyncClient("id", "token", transport=AsyncCanned(REFUSED))
        refused = await client.voice.status("NOPE")
        answers = [await client.voice.wait("NOPE"), await refused.wait()]
        answers += [change async for change in client.voice.watch("NOPE")]
        return answers + [change async for change in refused.watch()]

    assert [answer.status for answer in asyncio.run(main())] == ["error_invalid_txn_ref"] * 4


def test_async_for_walks_through_a_history_that_nobody_awaited():
    """With ``all()`` and without; a page that is there is not walked from unasked."""
    transport = AsyncCanned(PAGE)

    async def main():
        client = AsyncClient("id", "token", transport=transport)
        short = [entry.txn_ref async for entry in client.voice.history()]
        long = [entry.txn_ref async for entry in client.voice.history().all()]
        page = await client.voice.history()
        with pytest.raises(TypeError, match=r"\.all\(\)"):
            [entry async for entry in page]
        return short, long

    assert asyncio.run(main()) == (["TX-2", "TX-1"], ["TX-2", "TX-1"])
    assert transport.sent == 3


def test_a_page_is_no_list_and_asks_for_nothing():
    """Unpacked, listed or counted through, it says what to use."""
    transport = Canned(PAGE)
    page = Client("id", "token", transport=transport).voice.history()
    for use in (list, tuple, lambda page: [*page], enumerate):
        with pytest.raises(TypeError, match=r"\.entries .* \.all\(\)"):
            use(page)
    assert transport.sent == 1
    assert [entry.txn_ref for entry in page.all()] == ["TX-2", "TX-1"]


CALL = '{"status": "success_ok", "txn_ref": "TX-1"}'


def test_an_answer_that_is_no_page_says_what_cannot_be_had_of_it(tmp_path):
    """By the method that was called; no file is begun."""
    answer = Client("id", "token", transport=Canned(CALL)).voice.status("TX-1")
    with pytest.raises(InvalidArgument, match=r"^all: .* no page of history; .*history\(\)\.all"):
        answer.all()
    with pytest.raises(InvalidArgument, match=r"^to_csv: .*history\(\)\.to_csv"):
        answer.to_csv(tmp_path / "no" / "calls.csv")

    async def main():
        answer = await AsyncClient("id", "token", transport=AsyncCanned(CALL)).voice.status("TX-1")
        with pytest.raises(InvalidArgument, match=r"^all: "):
            answer.all()
        with pytest.raises(InvalidArgument, match=r"^to_csv: "):
            await answer.to_csv(tmp_path / "no" / "calls.csv")

    asyncio.run(main())


class Noting(Canned):
    """It notes which thread sends, and which one reads what came of it."""

    def __init__(self, text):
        super().__init__(text)
        self.senders, self.readers = [], []

    def send(self, request):
        noting = self

        class Noted(HttpResponse):
            @property
            def text(self):
                noting.readers.append(threading.get_ident())
                return super().text

        self.senders.append(threading.get_ident())
        came = super().send(request)
        self.text = self.text.replace("TX-", "TX-1")
        return Noted(came.status_code, came.headers, came.content)


def test_a_page_is_fetched_beside_the_walk_and_read_in_it():
    """Reading elsewhere would gain nothing: what is read there has to be moved here."""
    page = PAGE.replace('"total_entries_count": "2"', '"total_entries_count": "4"')
    transport = Noting(page)
    walked = Client("id", "token", transport=transport).voice.history().all()
    assert next(walked).txn_ref == "TX-2"
    assert [entry.txn_ref for entry in walked] == ["TX-1", "TX-12", "TX-11"]
    here = threading.get_ident()
    assert [sender == here for sender in transport.senders] == [True, False]
    assert transport.readers == [here, here]


@pytest.mark.parametrize("how", ["to its end", "closed", "dropped"])
def test_a_walk_leaves_no_thread(how):
    page = PAGE.replace('"total_entries_count": "2"', '"total_entries_count": "4"')
    walked = Client("id", "token", transport=Noting(page)).voice.history().all()
    next(walked)
    [fetcher] = [thread for thread in threading.enumerate() if thread.name == "hoiio-history"]
    if how == "to its end":
        list(walked)
    elif how == "closed":
        walked.close()
    del walked
    fetcher.join(10)
    assert not fetcher.is_alive()
