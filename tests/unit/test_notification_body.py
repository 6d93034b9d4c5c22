from urllib.parse import parse_qsl

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


@given(st.text(st.characters(codec="utf-8")))
def test_any_tag_survives(tag):
    sent = parse_qsl(body(FIELDS | {"tag": tag}, "http://x/").decode(), keep_blank_values=True)
    assert dict(sent)["tag"] == tag
