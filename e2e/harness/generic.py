"""Calls by name: callboard.v1.Gateway."""

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2

from harness.stubs import gateway, gateway_grpc

PROBE = "probe.v1.Probe"


def generic(channel: grpc.Channel) -> gateway_grpc.GatewayStub:
    return gateway_grpc.GatewayStub(channel)


def address(key: str, actor_type: str = PROBE) -> gateway.Address:
    return gateway.Address(type=actor_type, key=key)


def message(key: str, method: str, request: Message | str = "{}", **fields) -> gateway.Message:
    """A message to a probe; a string is JSON."""
    is_json = isinstance(request, str)
    payload = {"json": request} if is_json else {"encoded": request.SerializeToString()}
    return gateway.Message(address=address(key), method=method, **payload, **fields)


def reason(status: gateway.Status) -> error_details_pb2.ErrorInfo:
    """The ErrorInfo of an error that is part of an answer."""
    info = error_details_pb2.ErrorInfo()
    [packed] = [detail for detail in status.details if detail.Is(info.DESCRIPTOR)]
    packed.Unpack(info)
    return info
