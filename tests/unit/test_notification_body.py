from urllib.parse import parse_qsl, quote_from_bytes, unquote_to_bytes

from hypothesis import given
from hypothesis import strategies as st

from hoiio.server.notifications.body import body

FIELDS = {"txn_ref": "AA-C-7", "tag": "", "dest1": "+6511111111", "date": "2012-06-06 11:10:36"}


def test_a_body_is_form_encoded_as_the_original_service_wrote_it():
    assert body(FIELDS, "http://x/") == (
        b"txn_ref=AA-C-7&tag=&dest1=%2B6511111111&date=2012-06-06+11%3A10%3A36"
    )


def test_the_urls_own_parameters_are_handed_back_but_cannot_pose_as_ours():
    sent = dict(parse_qsl(body(FIELDS, "http://x/?app_state=a%20b&txn_ref=fake").decode()))
    assert sent["app_state"] == "a b"
    assert sent["txn_ref"] == "AA-C-7"


def test_each_field_of_ours_is_there_once_and_no_other_can_be_posed_as():
    """Nor a field that only answers have, nor one that only some calls have."""
    url = "http://x/?room=R1&answered_date=2012-06-06+11%3A10%3A36&a=1&status=success_ok&tag=x&txn_ref=&txn_ref=y&%74ag=z&a=2"
    sent = parse_qsl(body(FIELDS, url).decode(), keep_blank_values=True)
    assert sent == [*FIELDS.items(), ("a", "1"), ("a", "2")]
    sent = parse_qsl(body(FIELDS | {"room": "R7"}, url).decode(), keep_blank_values=True)
    assert sent == [*FIELDS.items(), ("room", "R7"), ("a", "1"), ("a", "2")]


@given(st.binary(min_size=1), st.binary())
def test_any_bytes_of_the_url_are_handed_back_as_they_are(name, value):
    """Text or not: what an encoding of another day made of a name is copied, not repaired."""
    url = f"http://x/?x{quote_from_bytes(name)}={quote_from_bytes(value)}"
    sent = body({}, url)
    copied = [unquote_to_bytes(part.replace(b"+", b" ")) for part in sent.split(b"=")]
    assert copied == [b"x" + name, value]


@given(st.text(st.characters(codec="utf-8")))
def test_any_tag_survives(tag):
    sent = parse_qsl(body(FIELDS | {"tag": tag}, "http://x/").decode(), keep_blank_values=True)
    assert dict(sent)["tag"] == tag
