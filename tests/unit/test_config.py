"""Configuration: precedence, every key, and what a mistake gets."""

from pathlib import Path

import pytest

from hoiio.server.config import KEYS, Config, ConfigError, Dest1Sees, check_to_serve, load_config
from hoiio.server.readers import Address

DOCS = Path(__file__).parents[2] / "docs" / "configuration.md"


def written(folder, text, name="c.toml"):
    path = folder / name
    path.write_text(text)
    return path


def objection(flags=None, environ=None, config=None):
    with pytest.raises(ConfigError) as caught:
        check_to_serve(load_config(flags or {}, environ or {}, config))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_defaults(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load_config({}, {})
    assert config == Config()
    assert config.listen == Address("127.0.0.1", 8080)
    assert config.data == Path("hoiio-data")


def test_flag_over_environment_over_file_over_default(tmp_path):
    file = written(tmp_path, "[engine]\nmax_legs = 4\n[calls]\nring_dest1 = 5\nring_dest2 = 6\n")
    environ = {"HOIIO_SERVER_ENGINE_MAX_LEGS": "8", "HOIIO_SERVER_CALLS_RING_DEST1": "9"}
    config = load_config({"engine.max_legs": "10"}, environ, file)
    assert config.engine.max_legs == 10
    assert config.calls.ring_dest1 == 9
    assert config.calls.ring_dest2 == 6
    assert config.calls.max_duration == 14_400


def test_the_file_in_the_data_folder_counts_unless_one_is_named(tmp_path):
    written(tmp_path, "[engine]\nmax_legs = 4\n", "hoiio.toml")
    other = written(tmp_path, "[calls]\nring_dest1 = 5\n")
    flags = {"data": tmp_path}
    assert load_config(flags, {}).engine.max_legs == 4
    assert load_config(flags, {}, other).engine.max_legs == 50
    assert load_config(flags, {"HOIIO_SERVER_CONFIG": str(other)}).calls.ring_dest1 == 5
    assert load_config({}, {"HOIIO_SERVER_DATA": str(tmp_path)}).engine.max_legs == 4


def test_routes_of_all_sources_add_up(tmp_path):
    file = written(
        tmp_path,
        '[sip.routes]\n"+6511111111" = "sip:a.example:1"\n"+6522222222" = "sip:b.example:2"\n',
    )
    config = load_config({"sip.routes": {"+6511111111": "sip:+65@c.example:3"}}, {}, file)
    assert config.sip.routes == {
        "+6511111111": "sip:+65@c.example:3",
        "+6522222222": "sip:b.example:2",
    }
    environ = {
        "HOIIO_SERVER_SIP_ROUTES": "+6511111111=sip:a.example:1, +6522222222=sip:b.example:2"
    }
    assert set(load_config({}, environ).sip.routes) == {"+6511111111", "+6522222222"}


def test_everything_can_be_set(tmp_path):
    file = written(
        tmp_path,
        """
        listen = "[::1]:0"
        [sip]
        listen = "0.0.0.0:5070"
        media_timeout = 5
        rtp_ports = "20000-20100"
        [sip.ringback]
        frequency = 440
        cadence = [2, 4]
        [sip.trunk]
        host = "sip.example.net"
        user = "acme"
        password = "hush hush"
        register = true
        number = "+6531234567"
        codecs = ["PCMA"]
        plus = false
        [calls]
        dest1_sees = "trunk"
        [log]
        level = "debug"
        """,
    )
    config = load_config({}, {}, file)
    assert config.listen == Address("::1", 0)
    assert config.sip.rtp_ports == (20000, 20100)
    assert config.sip.ringback.cadence == (2.0, 4.0)
    assert config.sip.trunk.codecs == ("pcma",)
    assert config.sip.trunk.register
    assert config.calls.dest1_sees is Dest1Sees.TRUNK
    assert "hush" not in repr(config)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[sip]\nmedia_timout = 5", "did you mean sip.media_timeout?"),
        ("max_legs = 5", "did you mean engine.max_legs?"),
        ("[spi]\nlisten = 'x'", "did you mean sip?"),
        ("qqqqqqq = 5", "docs/configuration.md"),
        ("sip = 3", "write [sip]"),
        ("listen = 8080", "HOST:PORT"),
        ("listen = '127.0.0.1:70000'", "HOST:PORT"),
        ("[sip]\nlisten = '[::1]:5060'", "IPv4"),
        ("[engine]\nmax_legs = true", "whole number from 2 to 60"),
        ("[engine]\nmax_legs = 2.5", "whole number"),
        ("[engine]\nmax_legs = inf", "whole number"),
        ("[engine]\nmax_legs = nan", "whole number"),
        ("[calls]\nring_dest1 = 0", "seconds from 1 to 600"),
        ("[calls]\ndest1_sees = 'x'", "one of dest2, registered, trunk"),
        ("[calls]\ndest1_sees = 'trunk'", "needs sip.trunk.number"),
        ("[sip]\nrtp_ports = '9-8'", "range of ports"),
        ("[sip.trunk]\nuser = 'x'", "sip.trunk.host is missing"),
        ("[sip.trunk]\nregister = 'maybe'", "true or false"),
        ("[sip.routes]\n'6511111111' = 'sip:h:1'", "numbers and where"),
        ("[sip.routes]\n'+6511111111' = 'sip:bob@h:1'", "numbers and where"),
        ("[sip.routes]\n'+6511111111' = 7", "numbers and where"),
        ("[sip.ringback]\ncadence = [1]", "sound and silence"),
        ("[sip.ringback]\ncadence = ['x', 1]", "sound and silence"),
        ("[notifications]\nallow = '10.0.0.1/8'", "a list of networks such as 10.0.0.0/8"),
        ("[notifications]\nallow = ['nowhere']", "a list of networks"),
        ("[notifications]\nallow = [7]", "a list of networks"),
        ("[notifications]\nallow = 7", "a list of networks"),
        ("[notifications]\nallow = ['::ffff:10.0.0.0/104']", "a list of networks"),
        ("[notifications]\nallow = ['fe80::1%eth0']", "a list of networks"),
        ("[notifications]\nresolver = 'ns.example:53'", "a resolver's address"),
        ("[notifications]\nresolver = 53", "a resolver's address"),
        ("[guards]\nrefuse_prefixes = ['19x']", "list of prefixes"),
        ("[guards]\nallow_prefixes = 1900", "a list"),
        ("[guards]\ncountries = ['SGP']", "two-letter country codes"),
        ("[guards]\ncountries = ['SG', 'ZZ']", "no country has the code ZZ"),
        ("[guards]\ncountries = ['UK']", "no country has the code UK"),
        ("[guards]\nmax_rate = -1", "an amount in currency units"),
        ("[guards]\nspend_per_day = true", "an amount in currency units"),
        ("listen = ", "is not TOML"),
        ("data = 5", "data must be a text"),
        ("data = ''", "data must be the path of a folder"),
        ("data = '~no-such-user/x'", "data must be a path whose ~ is the home of a user here"),
        ("a = " + "[" * 5000, "nested too deeply"),
        ("[sip.trunk]\nfoo = 1", "docs/configuration.md"),
        ("[sip]\ntls = true", "docs/configuration.md"),
        ("[calls]\nanswer_within = 9", "docs/configuration.md"),
    ],
)
def test_a_mistake_is_told_in_one_line_that_names_the_file(tmp_path, text, told):
    message = objection(config=written(tmp_path, text))
    assert told in message
    if "sip.trunk" not in told:
        assert message.startswith("calls.") or "c.toml" in message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\n[sip]\n# here\n  media_timout = 5", "c.toml, line 4: sip.media_timout is not a"),
        ("[engine]\r\nmax_legs = 1\r\n", "c.toml, line 2: engine.max_legs must be a whole"),
        ("[calls]\nring_dest1 = 5\n[engine]\nring_dest1 = 5", "c.toml, line 4: engine.ring_dest1"),
        ("data = 'x'\n[ sip . 'trunk' ] # ours\nport = 0", "c.toml, line 3: sip.trunk.port must"),
        ("sip.trunk.port = 0", "c.toml, line 1: sip.trunk.port must be"),
        ('["sip"]\ntrunk."port" = 0', "c.toml, line 2: sip.trunk.port must be"),
        ("[engine]\n[spi]\nlisten = 'x'", "c.toml, line 2: spi is not a setting"),
        ("[calls]\n[sip.routes]\n'+6511111111' = 7", "c.toml, line 2: sip.routes must be"),
        ("\nsip = 3", "c.toml, line 2: sip is a section"),
        ("sip = { listen = 'x' }", "c.toml: sip.listen must be"),
        ("data = '''\nlisten = 'x''''\nlisten = 'y'", "c.toml: "),
        ("\n[sip\n", "c.toml: is not TOML: "),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path, text, told):
    """Where it is certain; the parser itself tells the line of what is no TOML."""
    message = objection(config=written(tmp_path, text))
    assert told in message
    assert "line" in message or "line" not in told


@pytest.mark.parametrize(
    ("flags", "shown"),
    [
        ({"sip.routes": {"x": ""}}, 'not "x"'),
        ({"sip.routes": {"x": "sip:y", "z": ""}}, 'not "x=sip:y, z"'),
        ({"notifications.allow": ("10.0.0.1/8",)}, 'not "10.0.0.1/8"'),
        ({"notifications.allow": ("10.0.0.1/8", "x")}, 'not "10.0.0.1/8, x"'),
        ({"listen": "a\nb"}, r'not "a\nb"'),
    ],
)
def test_a_flag_is_shown_as_it_was_typed(flags, shown):
    assert objection(flags).endswith(shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[engine]\nmax_legs = true", "not true"),
        ("[engine]\nmax_legs = inf", "not inf"),
        ("[sip.ringback]\ncadence = [1, 'x']", 'not [1, "x"]'),
        ("listen = 2030-01-31", 'not "2030-01-31"'),
        ("listen = 'ü\u2028'", r'not "\u00fc\u2028"'),
    ],
)
def test_a_value_is_shown_as_toml_has_it(tmp_path, text, shown):
    assert objection(config=written(tmp_path, text)).endswith(shown)


def test_a_secret_is_not_shown_in_an_objection(tmp_path):
    message = objection(config=written(tmp_path, '[sip.trunk]\npassword = "hush\\u0007"'))
    assert "sip.trunk.password" in message
    assert "hush" not in message


def test_an_unknown_variable_is_refused_with_the_nearest():
    message = objection(environ={"HOIIO_SERVER_LISTNE": "x"})
    assert "did you mean HOIIO_SERVER_LISTEN?" in message
    assert "HOIIO_SERVER_LISTEN: must be" in objection(environ={"HOIIO_SERVER_LISTEN": "x"})
    load_config({}, {"HOIIO_APP_ID": "the client's", "HOIIO_SERVER_LISTEN": ""})


def test_an_empty_flag_counts_as_not_set():
    environ = {"HOIIO_SERVER_DATA": "there", "HOIIO_SERVER_LISTEN": "127.0.0.1:1"}
    config = load_config({"data": "", "listen": ""}, environ, "")
    assert (config.data, config.listen.port) == (Path("there"), 1)


def test_where_notifications_may_go(tmp_path):
    file = written(tmp_path, '[notifications]\nallow = ["10.0.0.0/8", "::1"]\nresolver = "::1"')
    there = load_config({}, {}, file).notifications
    assert [str(each) for each in there.allow] == ["10.0.0.0/8", "::1/128"]
    assert there.resolver == Address("::1", 53)
    environ = {
        "HOIIO_SERVER_NOTIFICATIONS_ALLOW": "127.0.0.1, fd00::/8",
        "HOIIO_SERVER_NOTIFICATIONS_RESOLVER": "[::1]:5353",
    }
    there = load_config({}, environ, file).notifications
    assert [str(each) for each in there.allow] == ["127.0.0.1/32", "fd00::/8"]
    assert there.resolver == Address("::1", 5353)
    flagged = load_config({"notifications.allow": ("192.0.2.0/24",)}, environ, file)
    assert [str(each) for each in flagged.notifications.allow] == ["192.0.2.0/24"]
    assert load_config({"notifications.allow": ()}, {}).notifications.allow == ()


def test_a_flag_is_named_as_it_was_typed():
    assert objection({"notifications.allow": ("x",)}).startswith("--notify-allow:")
    assert objection({"sip.listen": "x"}).startswith("--sip:")
    assert objection({"sip.routes": {"x": ""}}).startswith("--route:")


def test_a_file_that_cannot_be_read(tmp_path):
    assert "No such file" in objection(config=tmp_path / "none.toml")
    assert "cannot be read" in objection(config=tmp_path)
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    assert "is not TOML" in objection(config=binary)


def test_the_file_in_the_data_folder_cannot_move_it(tmp_path):
    written(tmp_path, 'data = "/elsewhere"', "hoiio.toml")
    assert "data cannot be set here" in objection({"data": tmp_path})


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda key: key.path)
def test_every_key_is_documented(key):
    rows = [line for line in DOCS.read_text().splitlines() if line.startswith(f"| `{key.path}` ")]
    assert len(rows) == 1
    assert f"`{key.variable}`" in rows[0]
    assert key.meaning in rows[0]
