"""Fixtures: folders to serve, and running `callboard dev`s."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.dev import FUNCTIONS, Dev
from harness.events import Events
from harness.paths import COUNTER_PROTOS, EXAMPLES, PROBE_PROTOS, TRIAL_PROTOS, binary

_names = itertools.count(1)

# The last lines of each `callboard dev` that a failed test gets to show.
SHOWN_BYTES = 20_000


@pytest.fixture(scope="session", autouse=True)
def _everything_is_built() -> None:
    for name in ("callboard", *FUNCTIONS):
        binary(name)


def function_folder(folder: Path, protos: Path, functions: dict[str, Path], more: str = "") -> Path:
    """A folder for `callboard dev` with binaries that are built already."""
    folder.mkdir(parents=True, exist_ok=True)
    text = f'protos = "{protos}"\n'
    for name, command in functions.items():
        text += f'\n[functions.{name}]\ncommand = "{command}"\n{more}'
    (folder / "callboard.toml").write_text(text)
    return folder


class Devs:
    """Makes `callboard dev`s, and ends them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.all: list[Dev] = []

    def __call__(self, project: Path) -> Dev:
        name = f"dev-{next(_names)}"
        dev = Dev(project, self.folder / name / "data", self.folder / f"{name}.log")
        self.all.append(dev)
        return dev

    def probe(self, more: str = "") -> Dev:
        """One that serves the probe. Not started."""
        folder = self.folder / f"probe-{next(_names)}"
        return self(function_folder(folder, PROBE_PROTOS, {"e2e-actor": binary("e2e-actor")}, more))

    def trial(self) -> Dev:
        """One that serves the trials. Not started."""
        folder = self.folder / f"trial-{next(_names)}"
        functions = {name: binary(name) for name in ("e2e-lenient", "e2e-strict")}
        return self(function_folder(folder, TRIAL_PROTOS, functions))

    def counter(self) -> Dev:
        """One that serves the counter example. Not started."""
        folder = self.folder / f"counter-{next(_names)}"
        return self(function_folder(folder, COUNTER_PROTOS, {"counter": binary("counter")}))

    def example(self, name: str, more: str = "") -> Dev:
        """One that serves an example. Not started."""
        folder = self.folder / f"{name}-{next(_names)}"
        return self(function_folder(folder, EXAMPLES[name] / "proto", {name: binary(name)}, more))

    def clean_up(self) -> None:
        for dev in self.all:
            dev.clean_up()


@pytest.fixture(scope="session")
def _shared_devs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devs]:
    devs = Devs(tmp_path_factory.mktemp("shared"))
    yield devs
    devs.clean_up()


@pytest.fixture(scope="session")
def shared(_shared_devs: Devs) -> Dev:
    """A `callboard dev` with the probe, for tests that leave it as it is."""
    return _shared_devs.probe().start()


@pytest.fixture(scope="session")
def shared_trial(_shared_devs: Devs) -> Dev:
    """A `callboard dev` with the trials, for tests that leave it as it is."""
    return _shared_devs.trial().start()


@pytest.fixture
def devs(tmp_path: Path) -> Iterator[Devs]:
    """Makes `callboard dev`s for one test."""
    devs = Devs(tmp_path)
    yield devs
    devs.clean_up()


@pytest.fixture
def events(tmp_path: Path) -> Events:
    """The file for the probe's handlers."""
    return Events(tmp_path / "events")


@pytest.fixture
def key() -> Callable[[], str]:
    """Keys of probes that nobody else uses."""
    return lambda: f"probe-{next(_names)}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    report = yield
    if report.failed:
        arguments = getattr(item, "funcargs", {})
        shown = [dev for devs in arguments.values() if isinstance(devs, Devs) for dev in devs.all]
        shown += [dev for dev in arguments.values() if isinstance(dev, Dev)]
        for dev in shown:
            report.sections.append((f"callboard dev, {dev.log}", dev.output()[-SHOWN_BYTES:]))
    return report


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A copy of e2e/broken that a test may mend."""
    from harness.paths import E2E

    folder = tmp_path / "broken"
    shutil.copytree(E2E / "broken", folder)
    settings = folder / "callboard.toml"
    settings.write_text(settings.read_text().replace("../actor/proto", str(PROBE_PROTOS)))
    return folder
