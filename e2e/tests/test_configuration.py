"""Settings by flag, environment and file."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from conftest import function_folder

from harness.paths import PROBE_PROTOS, binary


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    clean = {name: value for name, value in os.environ.items() if "CALLBOARD_" not in name}
    return subprocess.run(
        [binary("callboard"), *arguments],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def shown(*arguments: str, **environment: str) -> dict[str, tuple[str, str]]:
    """What `config show` tells: value and origin by name."""
    done = run("config", "show", *arguments, **environment)
    assert done.returncode == 0, done.stderr
    return dict(
        (name, (value, origin))
        for name, value, origin in re.findall(r"^([a-z-]+) = (.*)  # (.*)$", done.stdout, re.M)
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(
        f'protos = "{PROBE_PROTOS}"\n'
        'grace = "7s"\n'
        "connections-max = 70\n"
        "admin = true\n"
        'allow-origin = ["https://a.example", "https://b.example"]\n'
        'rate-per-actor = "100/s"\n'
        "[function]\n"
        '"probe.v1.Probe" = "e2e-actor"\n'
    )
    return path


def test_each_setting_is_shown_with_its_origin(file):
    settings = shown(
        f"--config={file}", "--grace=9s", CALLBOARD_CONNECTIONS_MAX="80", CALLBOARD_GRACE="8s"
    )
    assert settings["grace"] == ('"9s"', "flag")
    assert settings["connections-max"] == ("80", "CALLBOARD_CONNECTIONS_MAX")
    assert settings["protos"] == (f'"{PROBE_PROTOS}"', f"{file}:1")
    assert settings["admin"] == ("true", f"{file}:4")
    assert settings["allow-origin"] == ('["https://a.example", "https://b.example"]', f"{file}:5")
    assert settings["function"] == ('["probe.v1.Probe=e2e-actor"]', f"{file}:7")
    assert settings["ask-timeout"] == ('"30s"', "default")
    off = shown(f"--config={file}", CALLBOARD_ADMIN="false")
    assert off["admin"] == ("false", "CALLBOARD_ADMIN")
    assert shown(CALLBOARD_CONFIG=str(file))["grace"] == ('"7s"', f"{file}:2")


def test_what_is_shown_is_a_file_with_the_same_settings(file, tmp_path):
    first = run("config", "show", f"--config={file}").stdout
    second = tmp_path / "second.toml"
    second.write_text(first)
    again = run("config", "show", f"--config={second}").stdout
    assert tomllib.loads(first) == tomllib.loads(again)


def test_serve_is_as_the_file_says(shared, file):
    # A flag goes before it: --listen, --protos and --function of the harness.
    file.write_text(file.read_text() + '[broken\n')
    done = run("serve", f"--config={file}")
    assert (done.returncode, "line 9" in done.stderr) == (1, True), done.stderr
    file.write_text(file.read_text().replace("[broken\n", "").replace("admin = true", ""))
    limited = shared.second_gateway(
        PROBE_PROTOS, "probe.v1.Probe", "e2e-actor", f"--config={file}"
    )
    types = run("admin", "types", f"--gateway={limited.url}")
    assert (types.returncode, "serves no" in types.stderr) == (1, True), types
    file.write_text("admin = true\n" + file.read_text())
    limited = shared.second_gateway(
        PROBE_PROTOS, "probe.v1.Probe", "e2e-actor", f"--config={file}"
    )
    types = run("admin", "types", f"--gateway={limited.url}")
    assert "probe.v1.Probe" in types.stdout, types.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("conections-max = 5\n", ["gateway.toml:1", "conections-max", "connections-max?"]),
        ("\nconnections-max = 0\n", ["gateway.toml:2", "connections-max", "1..=1000000"]),
        ('grace = "10"\n', ["gateway.toml:1", "grace", "unit"]),
        ('rate-per-actor = "fast"\n', ["gateway.toml:1", "rate-per-actor", "100/s"]),
        ("listen = 7070\n", ["gateway.toml:1", "listen", "socket address"]),
        ("[[", ["gateway.toml", "line 1"]),
    ],
)
def test_what_is_wrong_in_the_file_is_told_with_its_line(tmp_path, text, words):
    file = tmp_path / "gateway.toml"
    file.write_text(text)
    done = run("serve", f"--config={file}", f"--protos={PROBE_PROTOS}")
    assert done.returncode == 1
    for word in words:
        assert word in done.stderr


def test_an_unknown_variable_is_refused_with_the_nearest():
    done = run("serve", f"--protos={PROBE_PROTOS}", CALLBOARD_LISTENS="127.0.0.1:1")
    assert done.returncode == 1
    assert "did you mean CALLBOARD_LISTEN?" in done.stderr
    # Kubernetes makes these for a service of that name.
    assert run("config", "show", CALLBOARD_SERVICE_HOST="10.0.0.1").returncode == 0


def test_a_bad_flag_or_variable_is_told_by_its_name():
    for arguments, environment in [
        (["--ask-timeout=30"], {}),
        ([], {"CALLBOARD_ASK_TIMEOUT": "30"}),
    ]:
        done = run("serve", f"--protos={PROBE_PROTOS}", *arguments, **environment)
        assert done.returncode == 2
        assert "--ask-timeout" in done.stderr
        assert "unit" in done.stderr


def test_dev_reads_a_section_of_its_projects_file(tmp_path):
    folder = function_folder(tmp_path / "project", PROBE_PROTOS, {"a": binary("e2e-actor")})
    file = folder / "callboard.toml"
    file.write_text(file.read_text() + '\n[gateway]\nask-timeout = "5s"\n')
    settings = shown("dev", str(folder))
    assert settings["ask-timeout"][0] == '"5s"'
    assert settings["ask-timeout"][1].startswith(f"{file}:")
    assert settings["grace"] == ('"10s"', "default")
    file.write_text(file.read_text() + "colour = 1\n")
    done = run("dev", str(folder))
    assert done.returncode == 1
    assert "colour is no setting" in done.stderr


def test_help_has_groups_and_defaults():
    text = run("serve", "--help").stdout
    for word in ["Gateway:", "Listening:", "Connections:", "Rates:", "CALLBOARD_GRACE", "[default: 30m]"]:
        assert word in text
