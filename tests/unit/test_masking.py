"""Numbers out of what is kept of a call: all of its own, and nothing that would break it."""

import json

from hypothesis import given
from hypothesis import strategies as st

from hoiio.server.storage import masking

NUMBER = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)
TEXT = st.text(st.sampled_from("+%2B61 -.x=&"), max_size=20)


@given(NUMBER, NUMBER, st.lists(TEXT, min_size=4, max_size=4), st.sampled_from(["", "+", "%2B"]))
def test_no_text_around_a_number_hides_it(one, two, texts, plus):
    """Whatever stands before and after it, and with the other leg's number inside or beside."""
    a, b, c, d = texts
    written = f"{a}{plus}{one[1:]}{b}{plus}{two[1:]}{c}"
    row = {
        "id": 1,
        "dest1": one,
        "dest2": two,
        "tag": written,
        "room": d + one[1:],
        "notify_url": f"http://x/?{written}",
        "state": json.dumps({"to": one, "then": two}).encode(),
    }
    told = masking.call(row)
    for value in told.values():
        assert one[1:] not in str(value)
        assert two[1:] not in str(value)
    assert masking.call(told) == told
    assert told["id"] == 1


@given(NUMBER, st.integers(10**15, 2 * 10**15))
def test_a_machine_s_state_can_still_be_read(number, at):
    """An instant in it that happens to hold the number's digits stays the instant."""
    row = {"dest1": number, "dest2": "", "state": json.dumps({"to": number, "at": at}).encode()}
    assert json.loads(masking.call(row)["state"])["at"] == at
    inside = int(f"{number[1:]:0<16}")
    row["state"] = json.dumps({"at": inside}).encode()
    assert json.loads(masking.call(row)["state"]) == {"at": inside}


def test_bytes_that_are_no_text_stay():
    """As an earlier version's state may be."""
    row = {"dest1": "+6511111111", "dest2": "", "state": b"\xff6511111111"}
    assert masking.call(row)["state"] == row["state"]
    assert masking.notification({"body": b"\xffx", "url": ""})["body"] == b"\xffx"
