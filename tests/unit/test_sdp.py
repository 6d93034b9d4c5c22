"""Session descriptions: where audio comes from, and when it may stay away."""

import ipaddress

import pytest

from hoiio.server.engines.embedded.sdp import Audio, read_audio


def read(*lines, port=4000, head="c=IN IP4 192.0.2.1\n"):
    body = f"v=0\n{head}t=0 0\nm=audio {port} RTP/AVP 0\n" + "".join(f"{x}\n" for x in lines)
    return read_audio(f"INVITE x\n\n{body}")


@pytest.mark.parametrize(
    ("audio", "address"),
    [
        (read(), "192.0.2.1"),
        (read("c=IN IP4 192.0.2.2"), "192.0.2.2"),
        (read("a=sendrecv", "m=video 5000 RTP/AVP 31", "c=IN IP4 192.0.2.3"), "192.0.2.1"),
        (read("c=IN IP4 192.0.2.4", head=""), "192.0.2.4"),
    ],
)
def test_where_audio_comes_from(audio, address):
    """The media's own address comes before the session's (RFC 4566 section 5.7)."""
    assert audio == Audio(ipaddress.IPv4Address(address), 4000)
    assert audio.somewhere
    assert not audio.on_hold


@pytest.mark.parametrize(
    "audio",
    [
        read(head=""),
        read(port=0),
        read(head="c=IN IP4 0.0.0.0\n"),
        read(head="c=IN IP6 ::1\n"),
        read(head="c=IN IP4 1.2.3.4.5\n"),
        read(head="c=IN IP4 pbx.example.com\n"),
    ],
)
def test_no_address_to_expect_audio_from(audio):
    """On hold, refused, or not to be read."""
    assert not audio.somewhere


@pytest.mark.parametrize(
    "audio",
    [
        *(read(f"a={direction}") for direction in ("sendonly", "recvonly", "inactive")),
        read(head="c=IN IP4 192.0.2.1\na=inactive\n"),
        read(head="c=IN IP4 0.0.0.0\n"),
        read("c=IN IP4 0.0.0.0"),
        read(port=0),
    ],
)
def test_hold_in_every_style(audio):
    """By a direction of the media or the session, or by an address that is none (RFC 3264)."""
    assert audio.on_hold


@pytest.mark.parametrize(
    "audio", [read("a=sendrecv", head="c=IN IP4 192.0.2.1\na=inactive\n"), read("a=inactively")]
)
def test_no_hold(audio):
    """The media's own direction comes first, and only whole words count."""
    assert not audio.on_hold


@pytest.mark.parametrize("body", ["", "v=0\nc=IN IP4 192.0.2.1\nm=video 5000 RTP/AVP 31\n"])
def test_no_audio(body):
    """No description, or one without any."""
    assert read_audio(f"INVITE x\n\n{body}") is None
