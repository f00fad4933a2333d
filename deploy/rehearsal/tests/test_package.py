"""What `callboard package` makes."""

import hashlib
import stat
import subprocess
import zipfile

from rehearsal.package import ARCHITECTURE, package

# What the packaged counter may have, in bytes.
ZIPPED_MAX = 4_000_000


def test_a_packaged_counter_is_small_and_the_same_each_time(packages, tmp_path):
    again = tmp_path / "a folder" / "again.zip"
    printed = package("counter", again)
    made = again.read_bytes()
    assert packages["counter"].read_bytes() == made
    assert len(made) < ZIPPED_MAX

    digest = hashlib.sha256(made).hexdigest()
    for words in [
        str(again),
        f"runs on   {ARCHITECTURE}, needs glibc 2.",
        f"zipped    {len(made) / 1e6:.2f} MB",
        f"sha256    {digest}",
        f"aws s3 cp {again} s3://BUCKET/counter-{digest[:12]}.zip",
        f"ActorTypes=counter.v1.Counter Architecture={ARCHITECTURE}",
    ]:
        assert words in printed, f"{words} is missing in\n{printed}"

    with zipfile.ZipFile(again) as archive:
        assert archive.testzip() is None
        [entry] = archive.infolist()
        program = archive.read(entry)
    assert entry.filename == "bootstrap"
    assert stat.S_IMODE(entry.external_attr >> 16) == 0o755
    assert entry.date_time == (1980, 1, 1, 0, 0, 0)
    assert f"unzipped  {len(program) / 1e6:.2f} MB" in printed
    # It runs, as far as it can without Lambda.
    bootstrap = tmp_path / "bootstrap"
    bootstrap.write_bytes(program)
    bootstrap.chmod(0o755)
    ran = subprocess.run(
        [bootstrap], capture_output=True, text=True, timeout=30, env={}, check=False
    )
    assert ran.returncode != 0
    assert "AWS_LAMBDA" in ran.stdout + ran.stderr
