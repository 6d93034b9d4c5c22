"""Decks: read exactly, refused with the place named, asked by longest prefix."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoiio import wire
from hoiio.server.billing.charge import Price
from hoiio.server.billing.tariff import Row, Tariff, TariffError, parse_tariff

digits = st.text("0123456789", min_size=1, max_size=15)
seconds = st.integers(1, 3600)
prices = st.builds(Price, st.integers(0, 10**9), seconds, seconds, st.integers(0, 10**9))
decks = st.dictionaries(st.text("0123", min_size=1, max_size=5), prices, max_size=30)


@given(deck=decks, number=st.text("0123", min_size=1, max_size=8))
def test_the_longest_prefix_wins(deck, number):
    """Against the plainest possible search."""
    covering = [prefix for prefix in deck if number.startswith(prefix)]
    expected = deck[max(covering, key=len)] if covering else None
    assert Tariff(deck).price(f"+{number}") == expected


@given(deck=st.dictionaries(digits, prices, min_size=1, max_size=20))
def test_what_is_written_as_csv_is_read_back(deck):
    """Every rate and fee survives to the micro-unit, every increment to the second."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["fee", "name", "prefix", "increment", "rate", "initial"])
    for prefix, price in deck.items():
        fee, rate = wire.format_money(price.fee), wire.format_money(price.rate)
        writer.writerow([fee, f"to, {prefix}", prefix, price.increment, rate, price.initial])
    rows = parse_tariff(io.StringIO(text.getvalue(), newline=""))
    assert {row.prefix: row.price for row in rows} == deck


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffprefix,rate\n65,0.018\n",
        "prefix,rate\r\n65,0.018\r\n",
        '"prefix","rate"\n"65","0.018000"\n',
        "Rate , Prefix\n\n 0.018 , 65 \n,\n",
        "country,prefix,note,rate\nSingapore,65,,0.018\n",
        "prefix,rate\n65,0.0180000000",
        "prefix,rate,initial,increment,fee\n65,0.018,60,60,0\n",
        "prefix,rate,initial,increment,fee\n65,0.018,,,\n",
        "prefix,rate,fee,initial\n65,0.018,,\n",
    ],
)
def test_files_as_spreadsheets_write_them(text):
    """Byte order mark, CRLF, quotes, blanks, empty lines, other columns."""
    assert parse_tariff(io.StringIO(text, newline="")) == [Row("65", Price(18_000))]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, column prefix: expected the header to name prefix exactly once"),
        ("prefix,price\n65,1\n", "line 1, column rate: expected the header to name rate"),
        ("prefix,rate,rate\n65,1,2\n", "line 1, column rate: expected the header to name rate"),
        ("prefix,rate\n", "line 2: expected at least one row"),
        ("prefix,rate\n65,1\n+66,1\n", "line 3, column prefix: expected 1 to 15 digits"),
        ("prefix,rate\n٦٥,1\n", "line 2, column prefix: expected 1 to 15 digits"),
        ("prefix,rate\n1234567890123456,1\n", "line 2, column prefix: expected 1 to 15 digits"),
        ("prefix,rate\n,1\n", "line 2, column prefix: expected a value"),
        ("prefix,rate\n65,\n", "line 2, column rate: expected a value"),
        ("prefix,rate\n65\n", "line 2: expected 2 columns, found 1"),
        (
            "prefix,rate\n65,0,018\n",
            "line 2: expected 2 columns, found 3; a decimal point is a dot",
        ),
        ("prefix,rate\n65,0.018,\n", "line 2: expected 2 columns, found 3"),
        ("prefix,rate,fee\n65,1,0\n66,1\n", "line 3: expected 3 columns, found 2"),
        ('prefix,rate\n65,"0,018"\n', "line 2, column rate: expected a decimal of 0 or more"),
        ("prefix,rate,fee\n65,0,018\n", "line 2, column fee: expected a decimal of 0 or more"),
        ("prefix,rate,initial\n65,0,018\n", "line 2, column initial: expected whole seconds"),
        ("prefix,rate\n65,-0.1\n", "line 2, column rate: expected a decimal of 0 or more"),
        ("prefix,rate\n65,free\n", "line 2, column rate: expected a decimal"),
        ("prefix,rate\n65,1e3\n", "line 2, column rate: expected a decimal"),
        ("prefix,rate\n65,NaN\n", "line 2, column rate: expected a decimal"),
        ("prefix,rate\n65,0.0000001\n", "line 2, column rate: expected at most six decimals"),
        ("prefix,rate\n65,1000000.000001\n", "line 2, column rate: expected at most 1000000.000"),
        ("prefix,rate\n65,1\n\n65,2\n", "line 4, column prefix: 65 stands in an earlier line"),
        ("prefix,rate,fee\n65,1,0.0000005\n", "line 2, column fee: expected at most six decimals"),
        ("prefix,rate,fee\n65,1,-1\n", "line 2, column fee: expected a decimal of 0 or more"),
        ("prefix,rate,fee\n65,1,1000001\n", "line 2, column fee: expected at most 1000000.000"),
        ("prefix,rate,initial\n65,1,0\n", "line 2, column initial: expected whole seconds from 1"),
        ("prefix,rate,initial\n65,1,6.0\n", "line 2, column initial: expected whole seconds"),
        ("prefix,rate,increment\n65,1,3601\n", "line 2, column increment: expected whole seconds"),
        ("prefix,rate,increment\n65,1,30/6\n", "line 2, column increment: expected whole seconds"),
        (
            "prefix,rate,Fee,fee\n65,1,1,1\n",
            "line 1, column fee: expected the header to name fee",
        ),
        ('prefix,rate\n"65,1\n', "line 2: expected comma-separated values"),
    ],
)
def test_a_wrong_file_is_refused_where_it_is_wrong(text, message):
    """The line, the column, and what was expected."""
    with pytest.raises(TariffError) as refused:
        parse_tariff(io.StringIO(text, newline=""))
    assert str(refused.value).startswith(message)


def test_a_long_value_is_cut_in_the_message():
    """One line that fits a terminal."""
    with pytest.raises(TariffError) as refused:
        parse_tariff(["prefix,rate", "9" * 5000 + ",1"])
    assert len(str(refused.value)) < 120


@pytest.mark.parametrize(
    ("price", "free"),
    [(Price(0), True), (Price(1), False), (Price(0, fee=1), False), (Price(0, 1, 1), True)],
)
def test_a_row_is_free_without_rate_and_fee(price, free):
    """What an import counts, so that free calls are seen before anybody makes them."""
    assert Row("65", price).free is free
