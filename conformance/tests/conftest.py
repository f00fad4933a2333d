"""What the cases need: a gateway for all of them, a driver for as long as it lives, and
a proxy for each."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from runner.case import load
from runner.certificates import Authority
from runner.client import Client
from runner.driver import Driver
from runner.gateway import Gateway
from runner.paths import CONFORMANCE


def pytest_addoption(parser: pytest.Parser) -> None:
    what = "a client: a name in drivers.yaml; may be given several times"
    parser.addoption("--client", action="append", required=True, help=what)
    parser.addoption("--driver", help="the command of its driver, instead of that in drivers.yaml")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" not in metafunc.fixturenames:
        return
    cases = load()
    all_known = yaml.safe_load((CONFORMANCE / "known_failing.yaml").read_text()) or {}
    parameters = []
    for name in metafunc.config.getoption("--client"):
        client = Client.find(name, metafunc.config.getoption("--driver"))
        playable = [case for case in cases if client.by_proxy or not case.needs_proxy]
        known = all_known.get(name, {})
        if unknown := set(known) - {case.name for case in playable}:
            raise pytest.UsageError(f"known_failing.yaml: {name}: no case is called {unknown}")
        for case in playable:
            # Processes of pytest share the clients out, each with a gateway and drivers of its own.
            marks = [pytest.mark.xdist_group(name)]
            if case.name in known:
                # It is run nevertheless, and one that passes fails the run.
                marks.append(pytest.mark.xfail(reason=known[case.name]))
            parameters.append(pytest.param(client, case, id=f"{name}-{case.name}", marks=marks))
    metafunc.parametrize(("client", "case"), parameters)


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path_factory.mktemp("gateway"))
    yield gateway
    gateway.stop()


@pytest.fixture(scope="session")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Authority]:
    folder = tmp_path_factory.mktemp("certificates")
    return {name: Authority(folder / name, name) for name in ("servers", "clients")}


@pytest.fixture
def new_driver(client: Client, tmp_path: Path) -> Iterator[Callable[[], Driver]]:
    """Starts drivers for one case."""
    started: list[Driver] = []

    def start() -> Driver:
        started.append(Driver(client.command, tmp_path / "driver.log"))
        return started[-1]

    yield start
    for driver in started:
        driver.kill()


@pytest.fixture(scope="session")
def shared_driver(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[Client], Driver]]:
    """The driver of all cases of a client that do not end it; a new one after one that died."""
    running: dict[Client, Driver] = {}

    def get(client: Client) -> Driver:
        driver = running.get(client)
        if driver is None or not driver.is_alive:
            driver = Driver(client.command, tmp_path_factory.mktemp("driver") / "driver.log")
            running[client] = driver
        return driver

    yield get
    for driver in running.values():
        driver.kill()
