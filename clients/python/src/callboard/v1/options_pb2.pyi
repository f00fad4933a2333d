import datetime

from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Exhausted(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXHAUSTED_UNSPECIFIED: _ClassVar[Exhausted]
    EXHAUSTED_DEAD_LETTER: _ClassVar[Exhausted]
    EXHAUSTED_SUSPEND: _ClassVar[Exhausted]
EXHAUSTED_UNSPECIFIED: Exhausted
EXHAUSTED_DEAD_LETTER: Exhausted
EXHAUSTED_SUSPEND: Exhausted
ACTOR_FIELD_NUMBER: _ClassVar[int]
actor: _descriptor.FieldDescriptor
HANDLER_FIELD_NUMBER: _ClassVar[int]
handler: _descriptor.FieldDescriptor
FIELD_FIELD_NUMBER: _ClassVar[int]
field: _descriptor.FieldDescriptor

class ActorOptions(_message.Message):
    __slots__ = ("type", "retry", "state")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    type: str
    retry: RetryPolicy
    state: str
    def __init__(self, type: _Optional[str] = ..., retry: _Optional[_Union[RetryPolicy, _Mapping]] = ..., state: _Optional[str] = ...) -> None: ...

class RetryPolicy(_message.Message):
    __slots__ = ("first_delay", "factor", "longest_delay", "attempts", "exhausted")
    FIRST_DELAY_FIELD_NUMBER: _ClassVar[int]
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    LONGEST_DELAY_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    EXHAUSTED_FIELD_NUMBER: _ClassVar[int]
    first_delay: _duration_pb2.Duration
    factor: float
    longest_delay: _duration_pb2.Duration
    attempts: int
    exhausted: Exhausted
    def __init__(self, first_delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., factor: _Optional[float] = ..., longest_delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., attempts: _Optional[int] = ..., exhausted: _Optional[_Union[Exhausted, str]] = ...) -> None: ...

class HandlerOptions(_message.Message):
    __slots__ = ("tell", "read_only", "internal", "answer", "new_key")
    TELL_FIELD_NUMBER: _ClassVar[int]
    READ_ONLY_FIELD_NUMBER: _ClassVar[int]
    INTERNAL_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    NEW_KEY_FIELD_NUMBER: _ClassVar[int]
    tell: bool
    read_only: bool
    internal: bool
    answer: bool
    new_key: bool
    def __init__(self, tell: bool = ..., read_only: bool = ..., internal: bool = ..., answer: bool = ..., new_key: bool = ...) -> None: ...

class FieldOptions(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: bool
    def __init__(self, key: bool = ...) -> None: ...
