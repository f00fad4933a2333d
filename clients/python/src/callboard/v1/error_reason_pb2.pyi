from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_REASON_UNSPECIFIED: _ClassVar[ErrorReason]
    ERROR_REASON_UNKNOWN_METHOD: _ClassVar[ErrorReason]
    ERROR_REASON_ACTOR_NOT_DEPLOYED: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_REQUEST: _ClassVar[ErrorReason]
    ERROR_REASON_PAYLOAD_TOO_LARGE: _ClassVar[ErrorReason]
    ERROR_REASON_ASK_TIMEOUT: _ClassVar[ErrorReason]
    ERROR_REASON_UNAVAILABLE: _ClassVar[ErrorReason]
    ERROR_REASON_INTERNAL: _ClassVar[ErrorReason]
    ERROR_REASON_SEND_TIMEOUT: _ClassVar[ErrorReason]
    ERROR_REASON_MAILBOX_FULL: _ClassVar[ErrorReason]
    ERROR_REASON_DEAD_LETTERED: _ClassVar[ErrorReason]
    ERROR_REASON_MESSAGE_ID_REUSED: _ClassVar[ErrorReason]
    ERROR_REASON_MESSAGE_CANCELLED: _ClassVar[ErrorReason]
    ERROR_REASON_INTERNAL_METHOD: _ClassVar[ErrorReason]
    ERROR_REASON_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_MAILBOX_PAUSED: _ClassVar[ErrorReason]
    ERROR_REASON_MAILBOX_NOT_PAUSED: _ClassVar[ErrorReason]
    ERROR_REASON_RATE_LIMITED: _ClassVar[ErrorReason]
    ERROR_REASON_UNAUTHENTICATED: _ClassVar[ErrorReason]
    ERROR_REASON_PERMISSION_DENIED: _ClassVar[ErrorReason]
ERROR_REASON_UNSPECIFIED: ErrorReason
ERROR_REASON_UNKNOWN_METHOD: ErrorReason
ERROR_REASON_ACTOR_NOT_DEPLOYED: ErrorReason
ERROR_REASON_INVALID_REQUEST: ErrorReason
ERROR_REASON_PAYLOAD_TOO_LARGE: ErrorReason
ERROR_REASON_ASK_TIMEOUT: ErrorReason
ERROR_REASON_UNAVAILABLE: ErrorReason
ERROR_REASON_INTERNAL: ErrorReason
ERROR_REASON_SEND_TIMEOUT: ErrorReason
ERROR_REASON_MAILBOX_FULL: ErrorReason
ERROR_REASON_DEAD_LETTERED: ErrorReason
ERROR_REASON_MESSAGE_ID_REUSED: ErrorReason
ERROR_REASON_MESSAGE_CANCELLED: ErrorReason
ERROR_REASON_INTERNAL_METHOD: ErrorReason
ERROR_REASON_NOT_FOUND: ErrorReason
ERROR_REASON_MAILBOX_PAUSED: ErrorReason
ERROR_REASON_MAILBOX_NOT_PAUSED: ErrorReason
ERROR_REASON_RATE_LIMITED: ErrorReason
ERROR_REASON_UNAUTHENTICATED: ErrorReason
ERROR_REASON_PERMISSION_DENIED: ErrorReason
