"""What a notification may be sent to. Each test is a promise to whoever runs the service inside."""

import ipaddress
import socket

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from hoiio.server.notifications.egress import Guard, explain
from hoiio.server.notifications.target import NoTarget, parse

CLOSED = Guard()


def permits(text, *allow):
    guard = Guard(tuple(ipaddress.ip_network(each) for each in allow))
    return guard.permits(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200",
        "127.0.0.1", "127.255.255.254", "169.254.0.1", "169.254.169.254", "172.16.0.1",
        "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1",
        "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
        "240.0.0.1", "255.255.255.255", "168.63.129.16",
        "::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "::ffff:169.254.169.254", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1",
        "64:ff9b:1::1", "64:ff9b:1::8.8.8.8", "100::1", "2001::1",
        "2001:0:53aa:64c:0:fbff:80ff:fffe",
        "2001:2::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "3fff::1",
        "5f00::1", "fc00::1", "fd00:ec2::254", "fd20:ce::254", "fe80::1",
        "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1",
    ],
)  # fmt: skip
def test_what_is_not_public_is_refused(address):
    assert not permits(address)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
        "126.255.255.255", "128.0.0.0", "172.15.255.255", "172.32.0.0", "198.17.255.255",
        "198.20.0.0", "223.255.255.255",
        "2600::1", "2a00:1450:4001::1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
    ],
)  # fmt: skip
def test_what_is_public_is_permitted(address):
    assert permits(address)


@given(st.ip_addresses())
def test_nothing_that_python_knows_to_be_private_is_permitted(address):
    """A second table, made by others, never calls private what this one calls public."""
    if CLOSED.permits(address):
        inner = getattr(address, "ipv4_mapped", None) or address
        assert inner.is_global or address in ipaddress.ip_network("64:ff9b::/96")
        assert not inner.is_multicast


@given(st.ip_addresses(v=4))
@example(ipaddress.ip_address("127.0.0.1"))
def test_an_ipv4_address_inside_an_ipv6_one_is_judged_as_itself(inner):
    for prefix in ("::ffff:", "64:ff9b::"):
        assert permits(f"{prefix}{inner}") == permits(str(inner))
    for never in ("::", "::ffff:0:", "64:ff9b:1::"):
        assert not permits(f"{never}{inner}")


def test_the_operators_networks_are_permitted_and_nothing_beside_them():
    assert permits("10.1.2.3", "10.1.0.0/16")
    assert not permits("10.2.0.0", "10.1.0.0/16")
    assert permits("::ffff:10.1.2.3", "10.1.0.0/16")
    assert permits("fd12::1", "fd12::/16")
    assert not permits("127.0.0.1", "::/0")
    assert not permits("::ffff:127.0.0.1", "::/0")
    assert not permits("::1", "0.0.0.0/0")


def test_of_a_names_addresses_every_one_counts():
    good, bad = ipaddress.ip_address("8.8.8.8"), ipaddress.ip_address("127.0.0.1")
    assert CLOSED.refused((good, bad, good)) == (bad,)
    assert CLOSED.refused((good,)) == ()


def test_the_explanation_names_the_flag_that_allows():
    assert explain([ipaddress.ip_address("127.0.0.1")]) == (
        "notify_url leads to 127.0.0.1, which is not public; "
        "allow it with --notify-allow 127.0.0.1/32"
    )
    both = [ipaddress.ip_address(each) for each in ("127.0.0.1", "::1")]
    assert explain(both).endswith(
        "127.0.0.1 and ::1, which are not public; "
        "allow them with --notify-allow 127.0.0.1/32 --notify-allow ::1/128"
    )
    assert "--notify-allow 10.0.0.1/32" in explain([ipaddress.ip_address("::ffff:10.0.0.1")])


@given(st.lists(st.ip_addresses(), min_size=1, max_size=9))
def test_what_the_explanation_says_is_enough(addresses):
    """Whoever follows it has the named addresses permitted."""
    if refused := CLOSED.refused(addresses)[:4]:
        flags = explain(refused).split("--notify-allow ")[1:]
        guard = Guard(tuple(ipaddress.ip_network(each.strip()) for each in flags))
        assert guard.refused(refused) == ()


# --- how an address may be spelt --------------------------------------------------------------

NUMBER = st.integers(0, 2**32 - 1)


def radix(value, base):
    return {10: f"{value}", 8: f"0{value:o}", 16: f"0x{value:x}", 17: f"0X{value:X}"}[base]


@st.composite
def spellings(draw):
    """An IPv4 address in any way that inet_aton reads: 1 to 4 parts, each in any base."""
    value = draw(NUMBER | st.sampled_from([0x7F000001, 0x0A000001, 0xA9FEA9FE]))
    parts = draw(st.integers(1, 4))
    numbers = [(value >> (24 - 8 * place)) & 255 for place in range(parts - 1)]
    numbers.append(value & (2 ** (8 * (5 - parts)) - 1))
    text = ".".join(radix(number, draw(st.sampled_from([8, 10, 16, 17]))) for number in numbers)
    return ipaddress.IPv4Address(value), text + draw(st.sampled_from(["", "", "."]))


@given(spellings(), st.sampled_from(["http", "https"]), st.sampled_from(["", ":80", ":8080"]))
def test_an_address_counts_only_in_its_usual_spelling(spelling, scheme, port):
    address, text = spelling
    try:
        target = parse(f"{scheme}://{text}{port}/hook")
    except NoTarget:
        assert text != str(address)
        return
    assert text == str(address)
    assert target.address == address


@given(st.ip_addresses(v=6), st.booleans())
def test_an_ipv6_address_is_read_however_it_is_written(address, exploded):
    text = address.exploded if exploded else address.compressed
    assert parse(f"http://[{text}]:81/").address == address


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "0x7f.1", "0x7f000001", "0x", "0177.0.0.1", "127.1", "127.0.1", "127.0.0.1.",
        "127.0.0.01", "017700000001", "127.0.0.0x1", "0", "1.2.3.4.5", "256.1.1.1", "example.1",
        "[fe80::1%25eth0]", "[fe80::1%eth0]", "[::1", "::1", "[::ffff:127.1]", "[1.2.3.4]", "[]",
        "[::1]x", "x[::1]", "user@example.com", "user:pw@127.0.0.1", "@example.com",
        "127.0.0.1@8.8.8.8",
        "8.8.8.8\\@127.0.0.1", "①②⑦.⓪.⓪.①", "１２７.0.0.1", "127。0。0。1", "ⓛocalhost",
        "bücher.example", "ex%61mple.com", "127.0.0.1%00", "a..b", ".", "..", "-a.com", "a_.-",
        "localhost:", "localhost:0", "localhost:65536", "localhost:٣", "",
    ],
)  # fmt: skip
def test_a_host_that_two_parsers_may_read_differently_is_no_target(host):
    with pytest.raises(NoTarget):
        parse(f"http://{host}/")


@given(st.text(max_size=30) | st.from_regex(r"[0-9a-fx.:\[\]%@]{1,20}", fullmatch=True))
def test_what_the_system_would_take_for_an_address_never_passes_as_a_name(host):
    try:
        target = parse(f"http://{host}/")
    except NoTarget:
        return
    assume(target.address is None)
    with pytest.raises(OSError, match="illegal"):
        socket.inet_aton(target.host)


def test_a_target_is_what_the_url_says():
    target = parse("HTTPS://Example.COM.:8443/a?b=c&d=%20#e")
    assert (target.scheme, target.host, target.port) == ("https", "example.com", 8443)
    assert (target.path, target.authority) == ("/a?b=c&d=%20", "example.com:8443")
    assert parse("http://[::1]").authority == "[::1]"
    assert parse("http://8.8.8.8#@127.0.0.1/").host == "8.8.8.8"
    assert parse("http://e.com?x").path == "/?x"
    assert parse("http://xn--bcher-kva.example/").host == "xn--bcher-kva.example"
