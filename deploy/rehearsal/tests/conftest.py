"""Fixtures: what is packaged, and the worlds."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rehearsal.package import package
from rehearsal.stubs import CRATES
from rehearsal.world import World

# What lies under the tables.
ENGINES = {"ministack": False, "dynamodb-local": True}

# The last bytes of each log that a failed test gets to show.
SHOWN_BYTES = 10_000


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The functions as users package them, for the architecture that the emulator runs on."""
    folder = tmp_path_factory.mktemp("packages")
    zips = {name: folder / f"{name}.zip" for name in CRATES}
    for name, zip_file in zips.items():
        package(name, zip_file)
    return zips


@pytest.fixture(scope="session")
def worlds(
    packages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], World]]:
    """Makes a world for an engine, or has it already."""
    made: dict[str, World] = {}

    def world(engine: str) -> World:
        if engine not in made:
            made[engine] = World(tmp_path_factory.mktemp(engine), packages, ENGINES[engine])
        return made[engine]

    yield world
    for each in made.values():
        each.close()


@pytest.fixture(scope="session", params=ENGINES)
def world(request: pytest.FixtureRequest, worlds: Callable[[str], World]) -> World:
    return worlds(request.param)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    report = yield
    if report.failed:
        for each in getattr(item, "funcargs", {}).values():
            if isinstance(each, World):
                for log in (each.gateway.log, each.emulator.log):
                    report.sections.append(
                        (str(log), log.read_text(errors="replace")[-SHOWN_BYTES:])
                    )
    return report
