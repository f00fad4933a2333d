"""What a user's .proto says of a method. The stub's own modules have put it into protobuf's pool
of descriptors."""

from functools import cache
from typing import Any

from google.protobuf import descriptor_pool

from callboard.v1 import options_pb2


def split(path: str) -> tuple[str, str]:
    """The service and the method of `/bank.v1.Account/Deposit`."""
    service, _, method = path.removeprefix("/").rpartition("/")
    return service, method


@cache
def actor_type(service: str) -> str:
    """The actor type of a service: its full name, unless an option gives it another."""
    try:
        options: Any = descriptor_pool.Default().FindServiceByName(service).GetOptions()
    except KeyError:
        return service
    return options.Extensions[options_pb2.actor].type or service


@cache
def is_tell(path: str) -> bool:
    """Whether a method is a tell."""
    service, method = split(path)
    try:
        found: Any = descriptor_pool.Default().FindServiceByName(service).FindMethodByName(method)
    except KeyError:
        return False
    return bool(found and found.GetOptions().Extensions[options_pb2.handler].tell)
