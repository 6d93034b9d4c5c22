"""The softphone, rung by a real SIP caller in another process."""

import json
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime

import pytest

from support.caller import Caller
from support.phones import Phone

NUMBER = "+6511111111"


def test_a_call_from_ring_to_the_callers_hang_up():
    """Every event comes once, in order, stamped in UTC, with the whole INVITE."""
    with Phone(NUMBER) as phone, Caller(phone.uri) as caller:
        phone.wait("answered")
        caller.tell("hangup")
        assert phone.wait("ended")["reason"] == "remote"

    ringing = phone.told("ringing")
    assert [told["event"] for told in phone.events if told["event"] != "hearing"] == [
        "listening",
        "ringing",
        "answered",
        "ended",
    ]
    assert ringing[0]["caller_id"] == "+6522222222"
    names = [name for name, _ in ringing[0]["headers"]]
    assert names[0] == "Via"
    assert {"From", "To", "Contact", "Call-ID", "CSeq", "Max-Forwards", "Allow"} <= set(names)
    assert ["X-Test", "yes"] in ringing[0]["headers"]
    stamps = [told["at"] for told in phone.events]
    assert all(datetime.fromisoformat(stamp).utcoffset().total_seconds() == 0 for stamp in stamps)
    assert stamps == sorted(stamps)


def test_a_withheld_number_is_null():
    with Phone(NUMBER) as phone, Caller(phone.uri, user="anonymous"):
        ringing = phone.wait("ringing")
    assert ringing["caller_id"] is None
    assert ["Privacy", "id"] in ringing["headers"]


def test_it_hears_each_tone_at_its_level():
    """Two tones of different loudness through G.711, each within a decibel and 2 Hz."""
    with Phone(NUMBER) as phone, Caller(phone.uri, tones=((440, -12), (1000, -24))):
        phone.hears(440)
        assert phone.hears(440) == pytest.approx(-12, abs=1)
        assert phone.hears(1000, within=2) == pytest.approx(-24, abs=1)
        assert sorted(phone.hearing()) == [440, 1000]


def test_silence_has_no_tones_and_is_told_once_a_second():
    with Phone(NUMBER, "--tone", "0") as phone, Caller(phone.uri):
        phone.wait("answered")
        time.sleep(3.4)
        heard = phone.told("hearing")
    assert [told["tones"] for told in heard] == [[], [], []]


def test_it_plays_its_tone():
    """One phone's tone as another phone's ear would hear it: the caller is a phone's twin here."""
    with Phone(NUMBER, "--tone", "620") as phone, Caller(phone.uri) as caller:
        phone.wait("answered")
        assert caller.wait("HEARD", 6, count=3)[-1] == "620:-12"


def test_keys_pass_both_ways():
    with Phone(NUMBER, "--press", "90*#A") as phone, Caller(phone.uri) as caller:
        phone.wait("answered")
        caller.tell("press 1234567890")
        assert caller.wait("DIGIT", 8, count=5) == list("90*#A")
        phone.wait("digit", digit="0")
    assert [told["digit"] for told in phone.told("digit")] == list("1234567890")


def test_it_hangs_up_when_told_to():
    with Phone(NUMBER, "--hang-up-after", "0.5") as phone, Caller(phone.uri) as caller:
        ended = phone.wait("ended")
        caller.wait("CALL_CLOSED")
    assert ended["reason"] == "hung_up"
    assert _seconds(phone.told("answered")[0], ended) == pytest.approx(0.5, abs=0.3)


def test_it_answers_when_told_to():
    with Phone(NUMBER, "--answer-after", "0.7") as phone, Caller(phone.uri):
        answered = phone.wait("answered")
    assert _seconds(phone.told("ringing")[0], answered) == pytest.approx(0.7, abs=0.3)


def test_a_busy_phone_refuses():
    with Phone(NUMBER, "--busy") as phone, Caller(phone.uri) as caller:
        assert phone.wait("ended")["reason"] == "refused"
        assert caller.wait("CALL_CLOSED")[0].startswith("486")
    assert phone.told("answered") == []


def test_a_caller_who_gives_up_cancels():
    with Phone(NUMBER, "--no-answer") as phone, Caller(phone.uri) as caller:
        caller.wait("CALL_RINGING")
        caller.tell("hangup")
        assert phone.wait("ended")["reason"] == "cancelled"
    assert phone.told("answered") == []


def test_a_caller_who_gives_up_in_time_is_not_answered():
    with Phone(NUMBER, "--answer-after", "1") as phone, Caller(phone.uri) as caller:
        caller.wait("CALL_RINGING")
        caller.tell("hangup")
        assert phone.wait("ended")["reason"] == "cancelled"
        time.sleep(1.2)
    assert phone.told("answered") == []


def test_a_caller_who_vanishes_is_lost():
    with Phone(NUMBER, "--media-timeout", "2") as phone, Caller(phone.uri) as caller:
        phone.hearing()
        caller.kill()
        assert phone.wait("ended", 8)["reason"] == "lost"


def test_a_caller_who_never_sends_audio_is_lost():
    """The SIP stack itself finds only those who fall silent."""
    with (
        Phone(NUMBER, "--media-timeout", "1") as phone,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller,
    ):
        caller.bind(("127.0.0.1", 0))
        caller.settimeout(5)
        host, port = phone.address.split(":")
        invite = _invite(caller.getsockname(), "")
        caller.sendto(invite, (host, int(port)))
        while not (answer := caller.recv(4096)).startswith(b"SIP/2.0 200"):
            pass
        to = next(line for line in answer.split(b"\r\n") if line.startswith(b"t:"))
        ack = invite.replace(b"INVITE", b"ACK").replace(b"t: <sip:anyone@127.0.0.1>", to)
        caller.sendto(ack, (host, int(port)))
        assert phone.wait("ended")["reason"] == "lost"


def test_calls_one_after_another_and_a_second_one_is_busy():
    with Phone(NUMBER) as phone:
        with Caller(phone.uri) as caller:
            phone.wait("answered")
            with Caller(phone.uri) as second:
                assert second.wait("CALL_CLOSED")[0].startswith("486")
            caller.tell("hangup")
            phone.wait("ended")
        with Caller(f"sip:anybody@{phone.address}", user="+6533333333") as caller:
            phone.wait("ringing", caller_id="+6533333333")
            # Its stack cancels at once only what it has heard to ring.
            caller.wait("CALL_RINGING")
            caller.tell("hangup")
            phone.wait("ended", after=phone.events.index(phone.told("ringing")[1]))
    assert len(phone.told("ringing")) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_call_and_the_phone(number):
    with Phone(NUMBER) as phone, Caller(phone.uri) as caller:
        phone.wait("answered")
        assert phone.stop(number) == 0
        caller.wait("CALL_CLOSED")
    assert phone.events[-1]["reason"] == "hung_up"


def test_a_phone_whose_reader_is_gone_ends_without_a_complaint():
    with subprocess.Popen(
        [sys.executable, "-m", "hoiio.softphone", NUMBER, "--listen", "127.0.0.1:0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as phone:
        address = json.loads(phone.stdout.readline())["address"]
        phone.stdout.close()
        with Caller(f"sip:{NUMBER}@{address}") as caller:
            caller.wait("CALL_CLOSED")
            assert (phone.wait(5), phone.stderr.read()) == (0, "")


def test_a_large_invite_is_told_whole():
    """A header longer than the stack's own events could carry arrives unshortened."""
    header = "x" * 900
    with Phone(NUMBER) as phone, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
        caller.bind(("127.0.0.1", 0))
        host, port = phone.address.split(":")
        caller.sendto(_invite(caller.getsockname(), header), (host, int(port)))
        ringing = phone.wait("ringing")
    assert ["X-Long", header] in ringing["headers"]
    assert ["Subject", "folded over two lines"] in ringing["headers"]
    assert ringing["caller_id"] == "+6544444444"


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ([NUMBER, "--listen", "nonsense"], "--listen"),
        ([NUMBER, "--listen", "127.0.0.1:70000"], "--listen"),
        (["12", "--listen", "127.0.0.1:0"], "phone number"),
        ([NUMBER, "--listen", "127.0.0.1:0", "--busy", "--no-answer"], "contradict"),
        ([NUMBER, "--listen", "127.0.0.1:0", "--tone", "5000"], "--tone"),
        ([NUMBER, "--listen", "127.0.0.1:0", "--press", "12E"], "--press"),
        ([NUMBER, "--listen", "127.0.0.1:0", "--hang-up-after", "-1"], "--hang-up-after"),
        ([NUMBER, "--listen", "127.0.0.1:0", "--nothing"], "--nothing"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(options, word):
    code, out, err = _run(*options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert word in err


def test_a_port_in_use_is_one_line_and_exit_code_2():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        code, _, err = _run(NUMBER, "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert (code, err.count("\n")) == (2, 1)
    assert "in use" in err


def test_without_json_it_speaks_sentences():
    with subprocess.Popen(
        [sys.executable, "-m", "hoiio.softphone", NUMBER, "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        line = process.stdout.readline()
        process.terminate()
    assert f"{NUMBER} waits for calls on 127.0.0.1:" in line
    with pytest.raises(json.JSONDecodeError):
        json.loads(line)


def _run(*options):
    done = subprocess.run(
        [sys.executable, "-m", "hoiio.softphone", *options],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def _seconds(earlier, later):
    start, end = (datetime.fromisoformat(told["at"]) for told in (earlier, later))
    return (end - start).total_seconds()


def _invite(address, header):
    host, port = address
    sdp = f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    sdp += "m=audio 9 RTP/AVP 0\r\n"
    lines = [
        "INVITE sip:anyone@127.0.0.1 SIP/2.0",
        f"v: SIP/2.0/UDP {host}:{port};branch=z9hG4bKtest;rport",
        f'f: "Ann" <sip:6544444444@{host}>;tag=1',
        "t: <sip:anyone@127.0.0.1>",
        "i: long-one",
        "CSeq: 1 INVITE",
        "Max-Forwards: 70",
        f"m: <sip:ann@{host}:{port}>",
        f"X-Long: {header}",
        "Subject: folded",
        "  over two lines",
        "c: application/sdp",
        f"l: {len(sdp)}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + sdp).encode()
