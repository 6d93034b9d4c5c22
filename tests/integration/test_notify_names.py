"""Looking names up and judging notify_urls by it, with a real DNS server on loopback."""

import asyncio
import ipaddress
from pathlib import Path

import pytest

from hoiio.server.notifications import check as module
from hoiio.server.notifications.check import Forbidden, NoReceiver, UrlCheck
from hoiio.server.notifications.egress import Guard
from hoiio.server.notifications.names import Names, NoSuchName, NotFound, in_hosts
from hoiio.server.notifications.target import parse
from hoiio.server.readers import Address
from support import dns as answers
from support.dns import DnsServer

PUBLIC, PUBLIC6, INSIDE = "8.8.8.8", "2600::1", "10.0.0.1"
NOWHERE = "/nowhere/hosts"


def names(server, hosts=NOWHERE):
    return Names(Address("127.0.0.1", server.port), Path(hosts))


def look_up(server, name, within=1.0, hosts=NOWHERE):
    found = asyncio.run(names(server, hosts).addresses(name, within))
    return [str(each) for each in found]


def test_both_families_are_asked_for_and_ipv4_comes_first():
    with DnsServer(
        a_example=[PUBLIC, "1.1.1.1"], six_example=[PUBLIC6], ab_example=[PUBLIC6, PUBLIC]
    ) as server:
        assert sorted(look_up(server, "a.example")) == ["1.1.1.1", PUBLIC]
        assert look_up(server, "six.example") == [PUBLIC6]
        assert look_up(server, "ab.example") == [PUBLIC, PUBLIC6]


def test_one_family_is_enough():
    zone = {"A": [PUBLIC], "AAAA": answers.SERVFAIL}
    with DnsServer(a_example=zone, b_example=zone | {"AAAA": answers.NXDOMAIN}) as server:
        assert look_up(server, "a.example") == [PUBLIC]
        assert look_up(server, "b.example") == [PUBLIC]


def test_a_long_answer_is_asked_for_again_over_tcp():
    with DnsServer(big_example=answers.TRUNCATED) as server:
        assert look_up(server, "big.example")[0] == PUBLIC


def test_only_nxdomain_is_no_such_name():
    half = {"A": answers.SERVFAIL, "AAAA": answers.NXDOMAIN}
    other = {"A": [], "AAAA": answers.NXDOMAIN}
    with DnsServer(
        none_example=[], fail_example=answers.SERVFAIL, half_example=half, other_example=other
    ) as server:
        for name in ("half.example", "other.example"):
            with pytest.raises(NotFound):
                look_up(server, name)
        with pytest.raises(NoSuchName):
            look_up(server, "missing.example")
        with pytest.raises(NotFound, match="has no address"):
            look_up(server, "none.example")
        with pytest.raises(NotFound, match="gave no answer"):
            look_up(server, "fail.example")


@pytest.mark.parametrize("answer", [answers.SILENT, answers.GARBAGE, answers.WRONG_ID])
def test_silence_nonsense_and_forged_answers_are_no_answer(answer):
    with DnsServer(x_example=answer) as server, pytest.raises(NotFound, match="in time"):
        look_up(server, "x.example", within=0.3)


def test_where_no_resolver_is_nothing_is_known():
    with DnsServer() as server:
        gone = names(server)
    with pytest.raises(NotFound, match="in time"):
        asyncio.run(gone.addresses("x.example", 0.3))


def test_this_machines_own_names_are_never_asked_for(tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("# 1.1.1.1 box.example\n10.1.1.1 db DB.Example. # us\n::2 db\nx y\nnonsense\n")
    with DnsServer(db_example=[PUBLIC]) as server:
        assert look_up(server, "localhost", hosts=hosts) == ["127.0.0.1", "::1"]
        assert look_up(server, "a.localhost", hosts=hosts) == ["127.0.0.1", "::1"]
        assert look_up(server, "db.example", hosts=hosts) == ["10.1.1.1"]
        assert look_up(server, "db", hosts=hosts) == ["10.1.1.1", "::2"]
        assert server.asked == []
        with pytest.raises(NoSuchName):
            look_up(server, "box.example", hosts=hosts)


def test_a_hosts_file_of_nonsense_is_an_empty_one():
    assert in_hosts("\x00\n\n# #\n1.2.3 x\n", "x") == ()


# --- the check at request time (api rule 24) ---------------------------------------------------


class Checked:
    """A check whose clock stands until it is set."""

    def __init__(self, server, *allow):
        self.now = 0.0
        guard = Guard(tuple(ipaddress.ip_network(each) for each in allow))
        self.check = UrlCheck(guard, names(server), lambda: self.now)

    async def __call__(self, url):
        try:
            await self.check.check(parse(url))
        except (Forbidden, NoReceiver) as refusal:
            return type(refusal)
        return None


def test_what_a_name_leads_to_decides():
    async def run():
        check = Checked(server)
        assert await check("http://good.example/") is None
        assert await check("http://inside.example/") is Forbidden
        assert await check("http://mixed.example/") is Forbidden
        assert await check("http://mapped.example/") is Forbidden
        assert await check("http://missing.example/") is NoReceiver
        for unknown in ("none", "fail"):
            assert await check(f"http://{unknown}.example/") is None

    with DnsServer(
        good_example=[PUBLIC, PUBLIC6], inside_example=[INSIDE], mixed_example=[PUBLIC, "::1"],
        mapped_example=["::ffff:10.0.0.1"], none_example=[], fail_example=answers.SERVFAIL,
    ) as server:  # fmt: skip
        asyncio.run(run())


@pytest.mark.parametrize("answer", [answers.SILENT, answers.GARBAGE, answers.WRONG_ID])
def test_no_answer_accepts(monkeypatch, answer):
    monkeypatch.setattr(module, "WITHIN", 0.2)
    with DnsServer(x_example=answer) as server:
        assert asyncio.run(Checked(server)("http://x.example/")) is None
        assert server.questions("x.example")


def test_addresses_and_localhost_need_no_resolver():
    async def run():
        check = Checked(server)
        for url in ("http://127.0.0.1/", "http://[::1]/", "http://[::ffff:10.0.0.1]/",
                    "http://localhost/", "http://LOCALHOST./",
                    "http://a.localhost:81/"):  # fmt: skip
            assert await check(url) is Forbidden
        assert await check("http://8.8.8.8/") is None
        allowed = Checked(server, "127.0.0.0/8", "::1/128")
        assert await allowed("http://localhost/") is None
        assert await allowed("http://10.0.0.1/") is Forbidden
        assert server.asked == []

    with DnsServer() as server:
        asyncio.run(run())


def test_what_was_found_out_counts_for_a_minute():
    async def run():
        check = Checked(server)
        for url in ("http://a.example/", "http://a.example/other", "https://A.example:8443/"):
            assert await check(url) is None
        assert server.questions("a.example") == 1
        check.now = 60.0
        assert await check("http://a.example/") is Forbidden
        assert server.questions("a.example") == 2

    with DnsServer(a_example=[[PUBLIC], [INSIDE]]) as server:
        asyncio.run(run())


def test_requests_that_ask_at_the_same_time_share_one_question():
    async def run():
        check = Checked(server)
        server.hold.clear()
        first = asyncio.create_task(check("http://a.example/"))
        others = [asyncio.create_task(check("http://a.example/")) for _ in range(50)]
        await asyncio.sleep(0)
        first.cancel()  # whoever asked first may leave; the others still hear
        server.hold.set()
        assert await asyncio.gather(*others) == [None] * 50
        assert server.questions("a.example") == 1

    with DnsServer(a_example=[PUBLIC]) as server:
        asyncio.run(run())


def test_only_so_many_names_are_looked_up_at_once_and_the_rest_pass():
    """A flood of names that nobody answers for opens no more files, and refuses nobody."""

    class Counting:
        now = most = 0

        async def addresses(self, name, within):
            self.now += 1
            self.most = max(self.most, self.now)
            try:
                await asyncio.sleep(within)
            finally:
                self.now -= 1
            raise NotFound("no resolver answered in time")

    async def run():
        check = UrlCheck(Guard(), counting, at_once=3)
        urls = [parse(f"http://h{n}.example/") for n in range(9)]
        await asyncio.gather(*(check.check(url) for url in urls))

    counting = Counting()
    asyncio.run(run())
    assert counting.most == 3


def test_only_so_many_names_are_remembered(monkeypatch):
    async def run():
        check = Checked(server)
        for index in range(6):
            await check(f"http://n{index}.example/")
        await check("http://n5.example/")
        await check("http://n0.example/")
        assert server.questions("n5.example") == 1
        assert server.questions("n0.example") == 2

    monkeypatch.setattr(module, "NAMES_MAX", 4)
    with DnsServer() as server:
        asyncio.run(run())


def test_while_a_resolver_is_slow_the_loop_serves_others():
    async def run():
        check = Checked(server)
        server.hold.clear()
        slow = asyncio.create_task(check("http://a.example/"))
        assert await check("http://8.8.8.8/") is None
        assert not slow.done()
        server.hold.set()
        assert await slow is None

    with DnsServer(a_example=[PUBLIC]) as server:
        asyncio.run(run())
