package callboard

import (
	"context"
	"errors"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/callboard-dev/callboard/clients/go/gen/callboard/v1"
)

// ErrorDomain is the domain of Callboard's own errors; see [Error.Domain].
const ErrorDomain = "callboard.dev"

// Kind says what a program can do about an error. It is an error itself, so that errors.Is finds it:
//
//	if errors.Is(err, callboard.ErrMailboxFull) { … }
type Kind string

// The kinds of errors.
const (
	// ErrUnavailable: the gateway, its database or the actor's function cannot be reached. All attempts
	// were made; the message may be stored. Send it again with its id, later.
	ErrUnavailable Kind = "Unavailable"
	// ErrDeadlineExceeded: no answer came in time; the message may be stored, and is processed then. Wait
	// for the reply by the message's id ([PickUp]), or send it again with that id.
	ErrDeadlineExceeded Kind = "DeadlineExceeded"
	// ErrInvalidRequest: the request is not valid. To send it again as it is does not help.
	ErrInvalidRequest Kind = "InvalidRequest"
	// ErrUnknownMethod: the gateway knows no such actor type or method.
	ErrUnknownMethod Kind = "UnknownMethod"
	// ErrNotDeployed: the actor type has no function that can run. With Receipt the message is stored.
	ErrNotDeployed Kind = "NotDeployed"
	// ErrPayloadTooLarge: the message, its reply or the actor's state is larger than the limit.
	ErrPayloadTooLarge Kind = "PayloadTooLarge"
	// ErrMailboxFull: too many messages wait for the actor. The message is not stored.
	ErrMailboxFull Kind = "MailboxFull"
	// ErrRateLimited: the caller sends more than it may, or the actor gets more than it may. The message
	// is not stored.
	ErrRateLimited Kind = "RateLimited"
	// ErrDeadLettered: the handler failed in all of its attempts, and the message was set aside.
	ErrDeadLettered Kind = "DeadLettered"
	// ErrMessageIDReused: the id belongs to another message. This one is not handled.
	ErrMessageIDReused Kind = "MessageIDReused"
	// ErrMessageCancelled: the delayed message was cancelled before it was due.
	ErrMessageCancelled Kind = "MessageCancelled"
	// ErrUnauthenticated: the call came without credentials, or with some that are not taken.
	ErrUnauthenticated Kind = "Unauthenticated"
	// ErrPermissionDenied: the caller may not do this.
	ErrPermissionDenied Kind = "PermissionDenied"
	// ErrCancelled: the caller's context was cancelled, or the client closed. What was sent is processed
	// all the same.
	ErrCancelled Kind = "Cancelled"
	// ErrInternal: a defect of Callboard, or of the way to it. The message may be stored.
	ErrInternal Kind = "Internal"
	// ErrHandler: the actor answered with a status of its own; Code, Reason, Domain and Metadata are its.
	ErrHandler Kind = "Handler"
)

func (k Kind) Error() string { return "callboard: " + string(k) }

var kindsOfReasons = map[pb.ErrorReason]Kind{
	pb.ErrorReason_ERROR_REASON_UNKNOWN_METHOD:     ErrUnknownMethod,
	pb.ErrorReason_ERROR_REASON_ACTOR_NOT_DEPLOYED: ErrNotDeployed,
	pb.ErrorReason_ERROR_REASON_INVALID_REQUEST:    ErrInvalidRequest,
	pb.ErrorReason_ERROR_REASON_PAYLOAD_TOO_LARGE:  ErrPayloadTooLarge,
	pb.ErrorReason_ERROR_REASON_ASK_TIMEOUT:        ErrDeadlineExceeded,
	pb.ErrorReason_ERROR_REASON_SEND_TIMEOUT:       ErrDeadlineExceeded,
	pb.ErrorReason_ERROR_REASON_UNAVAILABLE:        ErrUnavailable,
	pb.ErrorReason_ERROR_REASON_MAILBOX_FULL:       ErrMailboxFull,
	pb.ErrorReason_ERROR_REASON_RATE_LIMITED:       ErrRateLimited,
	pb.ErrorReason_ERROR_REASON_DEAD_LETTERED:      ErrDeadLettered,
	pb.ErrorReason_ERROR_REASON_MESSAGE_ID_REUSED:  ErrMessageIDReused,
	pb.ErrorReason_ERROR_REASON_MESSAGE_CANCELLED:  ErrMessageCancelled,
	pb.ErrorReason_ERROR_REASON_INTERNAL_METHOD:    ErrPermissionDenied,
	pb.ErrorReason_ERROR_REASON_UNAUTHENTICATED:    ErrUnauthenticated,
	pb.ErrorReason_ERROR_REASON_PERMISSION_DENIED:  ErrPermissionDenied,
	pb.ErrorReason_ERROR_REASON_INTERNAL:           ErrInternal,
}

// Error is what a call failed with: a gRPC status with its details read. Every error of a call of this
// package is one; errors.As finds it:
//
//	var failed *callboard.Error
//	if errors.As(err, &failed) { log.Print(failed.Reason, failed.MessageID) }
//
// status.Code and status.Convert of gRPC read it, too.
type Error struct {
	// Kind says what can be done about it.
	Kind Kind
	// Code is the gRPC status code.
	Code codes.Code
	// Message is the text for people.
	Message string
	// Reason says for programs why it failed: `ASK_TIMEOUT`. Those of Callboard's own are in
	// error_reason.proto; it is empty when nobody gave one.
	Reason string
	// Domain says whose reason it is: [ErrorDomain] for Callboard's own.
	Domain string
	// Metadata has the facts of the reason.
	Metadata map[string]string
	// MessageID is the id that the message was sent with; empty when none was sent. Sent again with it,
	// the message is handled once.
	MessageID string
	// Receipt says what became of the message, if it is known to be stored; else nil.
	Receipt *Receipt

	status *status.Status
}

// Error has the code, the reason and the text for people.
func (e *Error) Error() string {
	text := "callboard: " + codeName(e.Code)
	if e.Reason != "" {
		text += " (" + e.Reason + ")"
	}
	return text + ": " + e.Message
}

// Unwrap gives the original status, as gRPC's error.
func (e *Error) Unwrap() error { return e.status.Err() }

// GRPCStatus gives the original status.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// Is tells whether target is the error's kind; or context.DeadlineExceeded or context.Canceled, and the
// call failed because of it.
func (e *Error) Is(target error) bool {
	if kind, ok := target.(Kind); ok {
		return e.Kind == kind
	}
	return (target == context.DeadlineExceeded && e.Kind == ErrDeadlineExceeded) ||
		(target == context.Canceled && e.Kind == ErrCancelled)
}

// RetryDelay is after which time the same call may succeed; false when the error does not say so.
func (e *Error) RetryDelay() (time.Duration, bool) {
	for _, detail := range e.status.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return max(info.GetRetryDelay().AsDuration(), 0), true
		}
	}
	return 0, false
}

// Details has all details of the status, as status.Status.Details of gRPC: those of known types as their
// messages (*errdetails.BadRequest names the fields that are wrong), and others as errors.
func (e *Error) Details() []any { return e.status.Details() }

// newError reads what a call returned.
func newError(err error, messageID string, receipt *Receipt) *Error {
	// FromContextError makes statuses of errors that were not made by gRPC.
	read, ok := status.FromError(err)
	if !ok {
		read = status.FromContextError(err)
	}
	e := &Error{
		Code:      read.Code(),
		Message:   read.Message(),
		MessageID: messageID,
		Receipt:   receipt,
		status:    read,
	}
	for _, detail := range read.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			e.Reason, e.Domain, e.Metadata = info.GetReason(), info.GetDomain(), info.GetMetadata()
		}
	}
	e.Kind = e.kind()
	return e
}

// newErrorOf reads a status that came in an answer.
func newErrorOf(answered *pb.Status, messageID string) *Error {
	return newError(status.ErrorProto(&spb.Status{
		Code:    answered.GetCode(),
		Message: answered.GetMessage(),
		Details: answered.GetDetails(),
	}), messageID, nil)
}

// newLocalError is an error that no gateway has made.
func newLocalError(code codes.Code, message string) *Error {
	return newError(status.Error(code, message), "", nil)
}

// newInvalid refuses what cannot even be sent, as the gateway would.
func newInvalid(field, detail string) *Error {
	info := &errdetails.ErrorInfo{
		Reason:   "INVALID_REQUEST",
		Domain:   ErrorDomain,
		Metadata: map[string]string{"field": field, "detail": detail},
	}
	violation := &errdetails.BadRequest_FieldViolation{Field: field, Description: detail}
	violations := &errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{violation}}
	refused, err := status.New(codes.InvalidArgument, field+": "+detail).WithDetails(info, violations)
	if err != nil {
		panic("these details can be encoded: " + err.Error())
	}
	return newError(refused.Err(), "", nil)
}

func (e *Error) kind() Kind {
	isOurs := e.Domain == ErrorDomain
	if isOurs {
		reason := pb.ErrorReason_value["ERROR_REASON_"+e.Reason]
		if kind, ok := kindsOfReasons[pb.ErrorReason(reason)]; ok {
			return kind
		}
	}
	// What the gateway has stored and does not refuse itself was answered by the actor.
	if !isOurs && (e.Domain != "" || e.Receipt != nil) {
		return ErrHandler
	}
	switch e.Code {
	case codes.Unavailable:
		return ErrUnavailable
	case codes.DeadlineExceeded:
		return ErrDeadlineExceeded
	case codes.Canceled:
		return ErrCancelled
	case codes.Unauthenticated:
		return ErrUnauthenticated
	case codes.Internal, codes.Unknown:
		return ErrInternal
	}
	if isOurs {
		return ErrInternal
	}
	return ErrHandler
}

// asError gives what is in an error of this package.
func asError(err error) *Error {
	var failed *Error
	if errors.As(err, &failed) {
		return failed
	}
	return newError(err, "", nil)
}

// codeName is the code as gRPC's specification spells it.
func codeName(c codes.Code) string { return code.Code(c).String() }

// encode writes a request as it is sent.
func encode(request proto.Message) ([]byte, error) {
	encoded, err := proto.Marshal(request)
	if err != nil {
		return nil, newLocalError(codes.Internal, "the request cannot be encoded: "+err.Error())
	}
	return encoded, nil
}
