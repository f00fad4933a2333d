"""The cases, each as a test."""

from collections.abc import Callable

from runner.case import Case, fill
from runner.certificates import Authority
from runner.client import Client
from runner.driver import Driver
from runner.fault import Fault
from runner.gateway import Gateway
from runner.play import Play
from runner.proxy import Proxy


def test_case(
    client: Client,
    case: Case,
    gateway: Gateway,
    authorities: dict[str, Authority],
    shared_driver: Callable[[Client], Driver],
    new_driver: Callable[[], Driver],
) -> None:
    driver = new_driver() if case.own_driver else shared_driver(client)
    server, ann = authorities["servers"].server(), authorities["clients"].client("ann")
    values = {
        "ca_file": str(authorities["servers"].path),
        "other_ca_file": str(authorities["clients"].path),
        "cert_file": str(ann.certificate),
        "key_file": str(ann.key),
    }
    faults = [Fault.parse(fill(fault, case.row)) for fault in case.faults]
    trusted = authorities["clients"].path.read_bytes() if case.tls == "mutual" else None
    tls = (server, trusted) if case.tls else None
    proxy = Proxy(gateway.target, faults, case.garbage, tls)
    if client.by_proxy:
        values["url"] = f"{'https' if tls else 'http'}://localhost:{proxy.port}"
    else:
        values["url"] = f"http://{gateway.target}"
    try:
        Play(case, driver, proxy, values).run()
    finally:
        proxy.stop()
