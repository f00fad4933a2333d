"""The deployment, played through."""

import pytest

from rehearsal.scenarios import ALL, play


@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.__name__)
def test_scenario(world, scenario):
    play(world, scenario)
