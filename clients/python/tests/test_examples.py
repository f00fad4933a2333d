"""The examples run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))

SAID = {
    "errors": ["it is 9223372036854775807", "OUT_OF_RANGE", "mend callboard-message-id"],
    "first_call": ["now it is", "by name it is"],
    "first_call_asyncio": ["then it was", "and now it is"],
    "idempotent_retry": ["(sent before)", "refused:"],
    "parallel_asks": ["alice: ", "carol: "],
    "tell_with_delay": ["a second later", "cancelled: True", "cancelled once more: False"],
}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_an_example_says_what_it_should(example, url):
    environment = os.environ | {"CALLBOARD_URL": url, "PYTHONPATH": str(ROOT / "gen")}
    done = subprocess.run(
        [sys.executable, "-W", "error", example],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [text for text in SAID[example.stem] if text not in done.stdout] == []
