"""Where a notification may be asked for, judged before anybody is rung (api rule 24)."""

import socket

import pytest
from structlog.testing import capture_logs

from hoiio.server.readers import Address
from hoiio.wire import Status
from support import dns as answers
from support.api import OWN, TWO, UNREACHED, Server
from support.dns import DnsServer
from support.service import Service, wait_until

ZONE = {
    "good_example": ["8.8.8.8", "2600::1"],
    "inside_example": ["10.0.0.1"],
    "metadata_example": ["169.254.169.254"],
    "mixed_example": ["8.8.8.8", "fd00::1"],
    "fail_example": answers.SERVFAIL,
    "none_example": [],
}


@pytest.fixture(scope="module")
def dns():
    with DnsServer(**ZONE) as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory, dns):
    folder = tmp_path_factory.mktemp("notify") / "data"
    server = Server(folder, resolver=Address("127.0.0.1", dns.port))
    yield server
    server.stop()


PLACES = [
    ("voice/call", {"dest1": OWN, "dest2": TWO}),
    ("voice/conference", {"dest": OWN}),
    ("conference/call", {"dest": OWN}),
]


@pytest.mark.parametrize(("path", "given"), PLACES)
@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("http://127.0.0.1:9/x", Status.SUCCESS),  # allowed here
        ("http://8.8.8.8/", Status.SUCCESS),
        ("http://good.example/x?y=z", Status.SUCCESS),
        ("http://fail.example/", Status.SUCCESS),
        ("http://none.example/", Status.SUCCESS),
        ("http://127.1.1.1/", Status.INVALID_NOTIFY_URL),
        ("http://10.0.0.1/", Status.INVALID_NOTIFY_URL),
        ("http://[::1]/", Status.INVALID_NOTIFY_URL),
        ("http://[::ffff:10.0.0.1]/", Status.INVALID_NOTIFY_URL),
        ("http://2130706433/", Status.INVALID_NOTIFY_URL),
        ("http://0x7f.1/", Status.INVALID_NOTIFY_URL),
        ("http://127.0.0.1./", Status.INVALID_NOTIFY_URL),
        ("http://x.localhost/", Status.INVALID_NOTIFY_URL),
        ("http://inside.example/", Status.INVALID_NOTIFY_URL),
        ("http://metadata.example/", Status.INVALID_NOTIFY_URL),
        ("http://mixed.example/", Status.INVALID_NOTIFY_URL),
        ("http://gone.example/", Status.UNABLE_TO_RESOLVE_NOTIFY_URL),
    ],
)
def test_where_a_url_leads_decides(server, path, given, url, status):
    server.settle()
    server.calls.orders.clear()
    assert server.ask(path, notify_url=url, **given)["status"] == status
    assert len(server.calls.orders) == (status == Status.SUCCESS)


def test_it_is_judged_after_every_form_and_before_any_destination(server, dns):
    wrong = {"dest1": OWN, "dest2": TWO, "notify_url": "http://order.example/"}
    answer = server.ask("voice/call", **wrong | {"tag": "x" * 257})
    assert answer["status"] == Status.TAG_INVALID_LENGTH
    assert dns.questions("order.example") == 0
    answer = server.ask("voice/call", **wrong | {"dest1": UNREACHED})
    assert answer["status"] == Status.UNABLE_TO_RESOLVE_NOTIFY_URL


def test_the_operator_is_told_what_would_allow_it_and_nothing_of_the_url(server):
    with capture_logs() as lines:
        given = {"dest1": OWN, "dest2": TWO, "notify_url": "http://inside.example/?hush=1"}
        server.ask("voice/call", **given)
    (line,) = [line for line in lines if line["event"] == "a notify_url is refused"]
    assert line["reason"] == (
        "notify_url leads to 10.0.0.1, which is not public; "
        "allow it with --notify-allow 10.0.0.1/32"
    )
    assert (line["account"], line["name"]) == ("AA-1", "acme")
    assert "hush" not in str(lines)


def test_a_service_takes_its_allowances_and_resolver_from_its_configuration(tmp_path, dns):
    config = f'[notifications]\nresolver = "127.0.0.1:{dns.port}"\n'
    with Service(
        tmp_path / "data", config=config, notify_allow=("127.0.0.1/32", "10.9.0.0/16")
    ).provision() as service:
        service.start()
        with service.client() as client:

            def status(url):
                return client.voice.call(OWN, TWO, notify_url=url).status

            passed = Status.DEST1_NOT_SUPPORTED  # there is no trunk: checked after the URL
            assert status("http://127.0.0.1/") == passed
            assert status("http://10.9.0.1/") == passed
            assert status("http://good.example/") == passed
            assert status("http://10.0.0.1/") == Status.INVALID_NOTIFY_URL
            assert status("http://inside.example/") == Status.INVALID_NOTIFY_URL
            assert status("http://gone.example/") == Status.UNABLE_TO_RESOLVE_NOTIFY_URL
        assert "--notify-allow 10.0.0.1/32" in service.log.read_text()


def test_a_name_that_leads_inside_once_the_call_has_ended_is_not_followed(tmp_path):
    """DNS rebinding against the whole service: the call goes through, the notification does not."""
    with (
        socket.create_server(("127.0.0.1", 0)) as inside,
        DnsServer(rebind_example=[["8.8.8.8"], ["127.0.0.1"]]) as dns,
    ):
        config = f'[notifications]\nresolver = "127.0.0.1:{dns.port}"\n'
        nobody = dict.fromkeys((OWN, TWO), "sip:127.0.0.1:1")
        with Service(
            tmp_path / "data", routes=nobody, config=config, notify_allow=()
        ).provision() as service:
            service.start()
            url = f"http://rebind.example:{inside.getsockname()[1]}/"
            with service.client() as client:
                placed = client.voice.call(OWN, TWO, notify_url=url)
                assert placed.status == Status.SUCCESS
                client.voice.hangup(placed.txn_ref)
            told = "allow it with --notify-allow 127.0.0.1/32"
            wait_until(lambda: told in service.log.read_text(), what="the refusal")
        inside.settimeout(0)
        with pytest.raises(BlockingIOError):
            inside.accept()
        assert dns.questions("rebind.example") == 2
