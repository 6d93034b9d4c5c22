"""The file of profiles: who may read it, what it may say, and what is used when."""

import json
import os
import stat
import threading
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoiio.cli import profiles
from hoiio.cli.console import UsageError
from hoiio.cli.profiles import Profile
from hoiio.cli.setting import setting
from support.canned import canned_server
from support.command import configure, environment, here, hoiio, on_terminal

A, B = "+6511111111", "+6522222222"


@pytest.fixture
def server():
    with canned_server() as canned:
        yield canned


@pytest.fixture
def file(tmp_path):
    return tmp_path / "profiles.toml"


def write(file, text, mode=0o600):
    file.write_text(text)
    file.chmod(mode)


def section(name, url, app_id="id", token="s3cret", more=""):
    return f'[{name}]\napp_id = "{app_id}"\naccess_token = "{token}"\nbase_url = "{url}"\n{more}\n'


# --- what is used when --------------------------------------------------------------------------


def test_the_default_profile_is_used_when_nothing_else_is_set(server, file):
    """Its prefix too."""
    write(file, section("default", server.url, "mine", more='prefix = "65"'))
    ran = hoiio("rate", "11111111", B, HOIIO_PROFILES=str(file))
    assert (ran.stderr, ran.returncode) == ("", 0)
    assert server.asked[0].form == {
        "app_id": "mine",
        "access_token": "s3cret",
        "dest1": A,
        "dest2": B,
    }


def test_the_environment_goes_before_the_default_profile(server, file):
    """The file is not even looked at."""
    write(file, section("default", "http://127.0.0.1:1/", "mine"), mode=0o644)
    ran = hoiio("balance", url=server.url, HOIIO_PROFILES=str(file))
    assert (ran.stderr, ran.returncode) == ("", 0)
    assert server.asked[0].form["app_id"] == "id"


@pytest.mark.parametrize("how", ["option", "variable"])
def test_a_profile_that_is_chosen_goes_before_the_environment(server, file, how):
    """With all that it says."""
    write(file, section("staging", server.url, "theirs"))
    args = ("--profile", "staging") if how == "option" else ()
    more = {} if how == "option" else {"HOIIO_PROFILE": "staging"}
    ran = hoiio("balance", *args, url="http://127.0.0.1:1/", HOIIO_PROFILES=str(file), **more)
    assert (ran.stderr, ran.returncode) == ("", 0)
    assert server.asked[0].form["app_id"] == "theirs"


def test_the_option_goes_before_the_variable(file):
    """What is typed now was meant now."""
    write(file, section("a", "http://a/") + section("b", "http://b/"))
    where = {"HOIIO_PROFILES": str(file), "HOIIO_PROFILE": "b"}
    assert setting("a", where).base_url == "http://a/"
    assert setting(None, where).base_url == "http://b/"


def test_no_token_is_sent_to_the_service_of_another_source(file):
    """A chosen profile takes nothing from the environment, and the environment nothing from it."""
    write(file, '[default]\napp_id = "mine"\naccess_token = "mine"\n')
    where = {"HOIIO_PROFILES": str(file), "HOIIO_BASE_URL": "http://elsewhere.example/"}
    assert setting("default", where).base_url == "https://secure.hoiio.com/open/"
    with pytest.raises(UsageError, match="HOIIO_APP_ID is not set, and other HOIIO_ variables are"):
        setting(None, where)
    for alone, missing in (("APP_ID", "ACCESS_TOKEN"), ("ACCESS_TOKEN", "APP_ID")):
        with pytest.raises(UsageError, match=f"HOIIO_{missing} is not set"):
            setting(None, {"HOIIO_PROFILES": str(file), f"HOIIO_{alone}": "x"})


def test_a_profile_that_is_not_there_is_wrong_use(file):
    """With those that are."""
    write(file, section("b", "http://b/") + section("a", "http://a/"))
    ran = hoiio("balance", "--profile", "c", HOIIO_PROFILES=str(file))
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert "no profile 'c'" in ran.stderr
    assert "it has a, b" in ran.stderr
    ran = hoiio("balance", "--profile", "c")
    assert ran.returncode == 2
    assert "there is none yet" in ran.stderr


@pytest.mark.parametrize(
    ("status", "key"),
    [
        ("error_invalid_access_token", "access_token"),
        ("error_invalid_app_id", "app_id"),
        ("error_not_found", "base_url"),
    ],
)
@pytest.mark.parametrize(
    "words",
    [
        "balance",
        f"call {A} {B}",
        "status AA-C-1",
        "status AA-C-1 --watch",
        "wait AA-C-1",
        "history",
    ],
)
def test_a_refusal_says_what_to_look_at_where_it_is_kept(
    server, file, capsys, monkeypatch, status, key, words
):
    """Not at variables, which are not looked at."""
    write(file, section("staging", server.url))
    configure(monkeypatch, server.url, HOIIO_PROFILES=str(file))
    for chosen, place in (
        (["--profile", "staging"], f"{key} of the profile 'staging'"),
        ([], None),
    ):
        server.answers = [{"status": status}]
        _, err, code = here(capsys, *words.split(), *chosen)
        assert code == 1
        assert err.endswith(f"; check {place or 'HOIIO_' + key.upper()}\n")


@pytest.mark.parametrize(("lacks", "line"), [("app_id", 1), ("access_token", 2)])
def test_half_a_profile_is_wrong_use(file, lacks, line):
    """It says which half."""
    lines = section("a", "http://a/").splitlines()
    write(file, "\n".join(lines[:line] + lines[line + 1 :]))
    with pytest.raises(
        UsageError, match=rf"\[a\] has no {lacks}; add it with: hoiio profile set a"
    ):
        setting("a", {"HOIIO_PROFILES": str(file)})


def test_where_the_file_is(tmp_path):
    """A relative XDG_CONFIG_HOME is ignored, as its specification has it."""
    assert profiles.location({"HOIIO_PROFILES": "/x/y.toml"}) == Path("/x/y.toml")
    xdg = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert profiles.location(xdg) == tmp_path / "hoiio" / "profiles.toml"
    home = Path.home() / ".config" / "hoiio" / "profiles.toml"
    assert profiles.location({"XDG_CONFIG_HOME": "x"}) == profiles.location({}) == home


# --- who may read it ----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o602, 0o644, 0o666, 0o700, 0o601])
def test_a_file_that_others_could_read_or_write_is_refused(server, file, mode):
    """One line with the command that mends it; the token is sent nowhere."""
    write(file, section("default", server.url), mode)
    ran = hoiio("balance", HOIIO_PROFILES=str(file))
    assert (ran.returncode, ran.stdout, server.asked) == (2, "", [])
    assert ran.stderr.endswith(f"chmod 600 {file}\n")
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_for_its_owner_alone_is_read(server, file, mode):
    """Or one that not even its owner writes."""
    write(file, section("default", server.url), mode)
    assert hoiio("balance", HOIIO_PROFILES=str(file)).returncode == 0


def test_the_file_that_is_read_is_the_one_that_was_judged(server, file, tmp_path):
    """A link is judged by what it leads to."""
    write(file, section("default", server.url), 0o644)
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    assert "chmod 600" in hoiio("balance", HOIIO_PROFILES=str(link)).stderr
    file.chmod(0o600)
    assert hoiio("balance", HOIIO_PROFILES=str(link)).returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_another_users_file_is_refused(file):
    """Though root could read it."""
    write(file, section("default", "http://a/"))
    os.chown(file, 12345, -1)
    with pytest.raises(UsageError, match="belongs to another user"):
        profiles.read(file)


def test_what_is_no_file_is_refused(tmp_path):
    """At once, also what could be waited on for ever."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o600)
    for path in (fifo, tmp_path, Path("/dev/zero")):
        with pytest.raises(UsageError):
            profiles.read(path)
    with pytest.raises(UsageError, match="cannot read"):
        profiles.read(Path("/dev/null/x"))


# --- what it may say ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[default]\napp_id = \n", "at line 2"),
        ('[default]\n\n\napp_id = "a"\napp_id = "b"\n', "at line 5"),
        ("[default\n", "at line 1"),
        ('app_id = "a"\n', 'app_id stands outside of a section like "[default]"'),
        ('[default]\ntoken = "a"\n', "[default] cannot have token, only app_id, access_token,"),
        ("[default]\napp_id = 7\n", "app_id of [default] must be text in quotes"),
        ('[default]\napp_id = ""\n', "[default] app_id: empty"),
        (
            '[default]\naccess_token = "s3cret\\n"\n',
            "[default] access_token: empty, or a character",
        ),
        ('[default]\nbase_url = "ftp://x"\n', "[default] base_url: not an http or https URL"),
        ('[default]\nprefix = "SG"\n', "[default] prefix: not a country prefix like '65'"),
        ("\xff", "at line 1"),
    ],
)
def test_a_slip_in_the_file_is_one_line(file, text, says):
    """With the file, and the line or the section; a token is not repeated."""
    file.write_bytes(text.encode("latin-1"))
    file.chmod(0o600)
    ran = hoiio("balance", HOIIO_PROFILES=str(file))
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert ran.stderr.startswith(f"hoiio: {file}: ")
    assert says in ran.stderr
    assert "s3cret" not in ran.stderr


def test_a_file_without_end_is_refused(file):
    """It is not read into memory whole."""
    write(file, "#" * (2 << 20))
    with pytest.raises(UsageError, match="too long"):
        profiles.read(file)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    """Nothing else is raised."""
    try:
        found = profiles.parse(text, Path("p"))
    except UsageError:
        return
    assert all(isinstance(each, Profile) for each in found.values())


# --- writing it ---------------------------------------------------------------------------------


def test_set_reads_the_token_from_standard_input(server, tmp_path):
    """Folder and file are for their owner alone; what is printed has no token in it."""
    where = tmp_path / "config"
    more = {"HOIIO_PROFILES": "", "XDG_CONFIG_HOME": str(where)}
    typed = ("profile", "set", "--app-id", "mine", "--base-url", server.url, "--prefix", "65")
    ran = hoiio(*typed, typed="s3cret\n", **more)
    file = where / "hoiio" / "profiles.toml"
    assert (ran.stdout, ran.stderr, ran.returncode) == ("", f"hoiio: kept default in {file}\n", 0)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert {each.name for each in file.parent.iterdir()} == {file.name, ".profiles.toml.lock"}
    assert hoiio("rate", "11111111", B, **more).returncode == 0
    assert server.asked[0].form["access_token"] == "s3cret"


def test_set_asks_on_a_terminal_and_does_not_show_the_token(file):
    """It asks for what it was not told."""
    with on_terminal("profile", "set", "x", HOIIO_PROFILES=str(file)) as terminal:
        terminal.read_until("app ID: ")
        terminal.type("mine\n")
        terminal.read_until("access token: ")
        terminal.type("s3cret\n")
        assert terminal.read_all() == 0
    assert "mine" in terminal.got
    assert "s3cret" not in terminal.got
    assert profiles.read(file) == {"x": Profile(app_id="mine", access_token="s3cret")}


def test_set_leaves_all_else_as_it_was(file):
    """Other profiles, comments, and what is not given of its own."""
    before = (
        "# mine\n"
        + section("a", "http://a/", more="# of a")
        + section("b", "http://b/", more='prefix = "65"\n# of c')
        + section("c", "http://c/")
    )
    write(file, before)
    ran = hoiio("profile", "set", "b", "--app-id", "new", typed="t2", HOIIO_PROFILES=str(file))
    assert ran.returncode == 0
    known = profiles.parse(before, file)
    changed = Profile(app_id="new", access_token="t2", base_url="http://b/", prefix="65")
    assert profiles.read(file) == known | {"b": changed}
    for comment in ("# mine\n", "# of a\n", "# of c\n"):
        assert comment in file.read_text()


def test_set_asks_for_no_token_where_only_a_prefix_changes(file):
    """Neither on a terminal nor of standard input; where there is no token it does."""
    typed = ("profile", "set", "a", "--prefix", "65")
    write(file, section("a", "http://a/"))
    with on_terminal(*typed, HOIIO_PROFILES=str(file)) as terminal:
        assert terminal.program.wait(20) == 0
    kept = Profile(app_id="id", access_token="s3cret", base_url="http://a/", prefix="65")
    assert profiles.read(file) == {"a": kept}
    write(file, section("a", "http://a/"))
    assert hoiio(*typed, typed="", HOIIO_PROFILES=str(file)).returncode == 0
    assert profiles.read(file) == {"a": kept}
    write(file, '[a]\napp_id = "id"\n')
    assert "no access token came" in hoiio(*typed, typed="", HOIIO_PROFILES=str(file)).stderr


@pytest.mark.parametrize("more", [(), ("--app-id", "id"), ("--base-url", "http://a/")])
def test_set_asks_for_the_token_of_an_application_and_a_service(file, more):
    """And where nothing else is to be changed."""
    write(file, section("a", "http://a/"))
    ran = hoiio("profile", "set", "a", *more, typed="new", HOIIO_PROFILES=str(file))
    assert ran.returncode == 0
    assert profiles.read(file)["a"].access_token == "new"


@pytest.mark.parametrize("length", [4095, 5000, 10_000])
def test_a_token_that_is_too_long_is_refused_not_cut(file, length):
    ran = hoiio("profile", "set", "--app-id", "x", typed="t" * length, HOIIO_PROFILES=str(file))
    told = "hoiio: an access token is at most 4,094 bytes long\n"
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", told)
    assert not file.exists()


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_the_longest_token_is_kept_whole(file, end):
    token = "t" * 4094
    ran = hoiio("profile", "set", "--app-id", "x", typed=token + end, HOIIO_PROFILES=str(file))
    assert ran.returncode == 0
    assert profiles.read(file)["default"].access_token == token


def test_a_token_that_a_terminal_has_cut_is_refused(file):
    """Linux gives the first 4,095 characters of a line, and leaves out the rest."""
    typed = ("profile", "set", "--app-id", "x")
    with on_terminal(*typed, HOIIO_PROFILES=str(file)) as terminal:
        terminal.read_until("access token: ")
        for _ in range(10):
            terminal.type("t" * 500)
        terminal.type("\n")
        assert terminal.read_all() == 2
    assert "an access token is at most 4,094 bytes long" in terminal.got
    assert "ttt" not in terminal.got
    assert not file.exists()


@pytest.mark.parametrize("value", ["[" * 5_000, "1" * 5_000], ids=["deep", "long"])
def test_what_python_cannot_read_is_one_line(file, value):
    write(file, f"a = {value}")
    ran = hoiio("balance", "--profile", "x", HOIIO_PROFILES=str(file))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"hoiio: {file}: ")
    assert ran.stderr.count("\n") == 1


def test_a_mark_of_its_byte_order_is_no_part_of_the_file(file):
    """Editors of Windows put it at the start."""
    file.write_bytes(b"\xef\xbb\xbf" + section("a", "http://a/").encode())
    file.chmod(0o600)
    kept = Profile(app_id="id", access_token="s3cret", base_url="http://a/")
    assert profiles.read(file) == {"a": kept}
    profiles.put(file, "b", lambda _: Profile(app_id="b", access_token="t"))
    assert profiles.read(file) == {"a": kept, "b": Profile(app_id="b", access_token="t")}
    file.write_bytes(b"\xef\xbb\xbf# a\n\xff")
    with pytest.raises(UsageError, match=r"not UTF-8 \(at line 2\)"):
        profiles.read(file)


def test_a_prompt_that_is_left_is_one_line(file):
    """By Ctrl-D; nothing is written."""
    typed = ("profile", "set", "a", "--app-id", "x")
    with on_terminal(*typed, HOIIO_PROFILES=str(file)) as terminal:
        terminal.read_until("access token: ")
        terminal.type("\x04")
        assert terminal.read_all() == 2
    assert "hoiio: no access token came" in terminal.got
    assert "Traceback" not in terminal.got
    assert not file.exists()


def test_set_takes_nothing_back_that_was_set_while_it_asked(file):
    """Each changes what it was given, whoever comes last."""
    write(file, section("a", "http://a/"))
    typed = ("profile", "set", "a", "--app-id", "id", "--prefix", "65")
    with on_terminal(*typed, HOIIO_PROFILES=str(file)) as terminal:
        terminal.read_until("access token: ")
        other = ("profile", "set", "a", "--base-url", "http://b/")
        assert hoiio(*other, typed="theirs", HOIIO_PROFILES=str(file)).returncode == 0
        terminal.type("mine\n")
        assert terminal.read_all() == 0
    changed = Profile(app_id="id", access_token="mine", base_url="http://b/", prefix="65")
    assert profiles.read(file) == {"a": changed}


def test_of_many_that_set_at_once_none_is_lost(file):
    """And none of them finds half a file."""
    names = [f"p{number}" for number in range(16)]
    together = threading.Barrier(len(names))

    def work(name):
        together.wait(20)
        profiles.put(file, name, lambda _: Profile(app_id=name))

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(work, names))
    assert profiles.read(file) == {name: Profile(app_id=name) for name in names}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


VALUES = st.text(min_size=1).filter(str.isprintable)
PROFILES = st.builds(
    Profile,
    app_id=VALUES,
    access_token=VALUES,
    base_url=st.none() | st.just("http://a.example/"),
    prefix=st.none() | st.just("65"),
)
NAMES = st.text("ab-_0", min_size=1, max_size=4)


@given(
    st.dictionaries(st.text(max_size=5), PROFILES, max_size=3),
    NAMES,
    PROFILES,
    st.sampled_from(["", "# [a]\n", '[a]\napp_id = """\n[b]\n"""\n']),
)
def test_what_is_written_is_what_is_read(tmp_path_factory, known, name, profile, before):
    """Beside whatever was there; a file that cannot be is left alone."""
    file = tmp_path_factory.mktemp("p") / "profiles.toml"
    text = before + "".join(profiles._section(each, value) for each, value in known.items())
    write(file, text)
    try:
        there = profiles.read(file)
    except UsageError:
        with pytest.raises(UsageError):
            profiles.put(file, name, lambda _: profile)
        assert file.read_text() == text
        return
    profiles.put(file, name, lambda _: profile)
    assert profiles.read(file) == there | {name: profile}


@pytest.mark.parametrize("text", ['a = { app_id = "x" }\n', '[ a ]\napp_id = "x"\n', '["a"]\n'])
def test_a_section_may_be_written_in_any_way(file, text):
    """It is found and replaced, and all else stays."""
    write(file, text + '[b]\napp_id = "y"\n')
    profiles.put(file, "a", lambda _: Profile(app_id="z"))
    assert profiles.read(file) == {"a": Profile(app_id="z"), "b": Profile(app_id="y")}


def test_a_link_stays_a_link(file, tmp_path):
    """Many keep such files elsewhere."""
    write(file, "")
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    profiles.put(link, "a", lambda _: Profile(app_id="x"))
    assert link.is_symlink()
    assert tomllib.loads(file.read_text()) == {"a": {"app_id": "x"}}


@pytest.mark.parametrize(
    ("args", "typed", "says"),
    [
        (("a b", "--app-id", "x"), "t", "a profile's name is letters, digits, _ and - only: 'a b'"),
        (("a",), "t", "--app-id is needed where there is no terminal"),
        (("a", "--app-id", "x"), "", "no access token came"),
        (("a", "--app-id", "x"), "t\x00t", "no access token came"),
        (("a", "--app-id", ""), "t", "app_id: empty"),
        (("a", "--app-id", "x", "--base-url", "x"), "t", "base_url: not an http or https URL"),
        (("a", "--app-id", "x", "--prefix", "x"), "t", "prefix: not a country prefix"),
        (("a", "--app-id", "x", "--access-token", "t"), "t", "--access-token"),
    ],
)
def test_what_cannot_be_kept_is_refused(file, args, typed, says):
    """In one line, and nothing is written; there is no option for a token."""
    ran = hoiio("profile", "set", *args, typed=typed, HOIIO_PROFILES=str(file))
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert says in ran.stderr
    assert not file.exists()


def test_set_does_not_write_beside_a_file_that_others_read(file):
    """It is not mended silently: the token in it may be known already."""
    write(file, section("a", "http://a/"), 0o644)
    ran = hoiio("profile", "set", "b", "--app-id", "x", typed="t", HOIIO_PROFILES=str(file))
    assert ran.returncode == 2
    assert "chmod 600" in ran.stderr
    assert profiles.parse(file.read_text(), file).keys() == {"a"}


def test_where_nothing_can_be_written_is_one_line():
    """Not a traceback."""
    with pytest.raises(UsageError, match="cannot write /proc/x/profiles"):
        profiles.put(Path("/proc/x/profiles.toml"), "a", lambda _: Profile())


def test_list_shows_no_tokens(file, monkeypatch, capsys):
    """Names, application IDs, where, and prefixes."""
    write(file, section("b", "http://b/", "other") + '[a]\napp_id = "x"\naccess_token = "s3cret"\n')
    configure(monkeypatch, "http://x/", HOIIO_PROFILES=str(file))
    out, err, code = here(capsys, "profile", "list")
    assert (err, code) == ("", 0)
    assert out == (
        "NAME\tAPP ID\tBASE URL\tPREFIX\n"
        "a\tx\thttps://secure.hoiio.com/open/\t\n"
        "b\tother\thttp://b/\t\n"
    )
    out, _, _ = here(capsys, "profile", "list", "--json")
    assert [json.loads(line)["name"] for line in out.splitlines()] == ["a", "b"]
    assert "s3cret" not in out
    assert "s3cret" not in repr(profiles.read(file))
    assert "s3cret" not in repr(setting("a", {"HOIIO_PROFILES": str(file)}))


@pytest.mark.parametrize("url", ["ftp://bob:hunter2@h/", "bob:hunter2@h/", "http://b:hunter2@h/?x"])
def test_a_base_url_refused_shows_no_password(file, url):
    """Neither of a file nor of the command line."""
    with pytest.raises(UsageError, match=r"base_url: not an http or https URL: .*\[hidden\]@h/"):
        profiles.parse(f'[default]\nbase_url = "{url}"', file)
    ran = hoiio("profile", "set", "--base-url", url, typed="t", HOIIO_PROFILES=str(file))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "[hidden]@h/" in ran.stderr
    assert "hunter2" not in ran.stderr


def test_a_base_url_in_use_shows_no_password(file, monkeypatch, capsys):
    """It may have one, which the service is sent."""
    write(file, section("a", "http://bob:hunter2@h/open/"))
    configure(monkeypatch, "http://x/", HOIIO_PROFILES=str(file))
    out, err, code = here(capsys, "profile", "list")
    assert (err, code) == ("", 0)
    assert out.endswith("a\tid\thttp://[hidden]@h/open/\t\n")
    out, _, _ = here(capsys, "profile", "list", "--json")
    assert json.loads(out)["base_url"] == "http://[hidden]@h/open/"
    used = setting("a", {"HOIIO_PROFILES": str(file)})
    assert used.base_url == "http://bob:hunter2@h/open/"
    assert "hunter2" not in repr(used)
    assert "hunter2" not in repr(profiles.read(file))


def test_list_without_a_file_says_how_to_make_one():
    """That is no failure."""
    ran = hoiio("profile", "list", **environment())
    assert (ran.stdout, ran.returncode) == ("", 0)
    assert "hoiio profile set default" in ran.stderr
