"""``hoiio serve`` as a program: what it prints, what stops it, what keeps it from starting."""

import json
import socket
import subprocess

import httpx2
import pytest

from support.service import HOIIO, Service, environment, hoiio


def refused(*args, **extra):
    """The one line that ``hoiio serve`` leaves with."""
    done = subprocess.run(
        [*HOIIO, "serve", *map(str, args)],
        capture_output=True, text=True, timeout=20, check=False, env=environment() | extra,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    return line


FREE = ("--listen=127.0.0.1:0", "--sip=127.0.0.1:0")


def test_it_starts_says_so_and_stops_with_code_0(tmp_path):
    service = Service(tmp_path / "data").start()
    assert httpx2.post(service.base_url + "user/get_info").status_code == 200
    assert oct((tmp_path / "data").stat().st_mode & 0o777) == "0o700"
    assert service.stop() == 0
    logged = service.log.read_text()
    assert f"hoiio admin tariff import FILE.csv --data {tmp_path / 'data'}" in logged
    assert "Traceback" not in logged
    lines = [json.loads(line) for line in logged.splitlines() if line.startswith("{")]
    assert [line["event"] for line in lines] == ["started", "stopping", "stopped"]


def test_a_second_service_on_the_same_folder(tmp_path):
    with Service(tmp_path / "data").start():
        assert "another service" in refused("--data", tmp_path / "data", *FREE)


def test_a_port_in_use(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        line = refused("--data", tmp_path / "d", "--listen", address, "--sip=127.0.0.1:0")
    assert f"cannot listen on {address}" in line


def test_a_sip_port_in_use(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        line = refused("--data", tmp_path / "d", FREE[0], f"--sip=127.0.0.1:{port}")
    assert str(port) in line


def test_what_cannot_be_a_data_folder(tmp_path):
    (tmp_path / "file").write_text("")
    assert "not a folder" in refused("--data", tmp_path / "file", *FREE)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[sip]\nlisten_on = 'x'", "did you mean sip.listen?"),
        ("[sip.trunk]\nhost = 'a b'", "host"),
        ("[sip.trunk]\npassword = 'x'", "sip.trunk.host is missing"),
        ("= 3", "is not TOML"),
    ],
)
def test_a_broken_configuration(tmp_path, text, told):
    (tmp_path / "c.toml").write_text(text)
    assert told in refused("--data", tmp_path / "d", "--config", tmp_path / "c.toml", *FREE)
    assert not (tmp_path / "d").exists()


def test_wrong_flags_and_variables(tmp_path):
    data = ("--data", tmp_path / "d")
    assert "--route" in refused(*data, *FREE, "--route=nonsense")
    assert "--listen" in refused(*data, "--listen=8080")
    assert "--data: must be a path whose ~" in refused("--data", "~no-such-user/x")
    assert "HOIIO_SERVER_LISTEN" in refused(*data, HOIIO_SERVER_LSTEN="x")


def test_a_secret_of_another_database(tmp_path):
    """As after a restored backup: nobody is served, and no command works."""
    mine, other = tmp_path / "mine", tmp_path / "other"
    for data, credit in ((mine, "1.00"), (other, "2.00")):
        Service(data).provision(credit=credit)
    (mine / "secret").write_bytes((other / "secret").read_bytes())
    told = "this secret did not seal this database"
    assert told in refused("--data", mine, *FREE)
    done = hoiio("admin", "account", "list", "--data", mine, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert told in line
