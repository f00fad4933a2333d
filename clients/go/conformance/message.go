package main

import (
	"context"
	"encoding/json"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/callboard-dev/callboard/clients/go"
	pb "github.com/callboard-dev/callboard/clients/go/conformance/interpreterpb"
)

const actorType = "callboard.conformance.v1.Interpreter"

// key is a text, or a list of the parts of a key.
type key string

func (k *key) UnmarshalJSON(text []byte) error {
	var parts []string
	if json.Unmarshal(text, &parts) == nil {
		*k = key(callboard.Key(parts...))
		return nil
	}
	return json.Unmarshal(text, (*string)(k))
}

// messageArgs is what is said of a message.
type messageArgs struct {
	Via       string          `json:"via"`
	Method    string          `json:"method"`
	Key       key             `json:"key"`
	Request   json.RawMessage `json:"request"`
	MessageID string          `json:"message_id"`
	TimeoutMs int64           `json:"timeout_ms"`
	DelayMs   *int64          `json:"delay_ms"`
	DeliverAt *time.Time      `json:"deliver_at"`
	Trace     trace           `json:"trace"`
}

func (a messageArgs) address() callboard.Address {
	return callboard.Address{Type: actorType, Key: string(a.Key)}
}

func (a messageArgs) options() []grpc.CallOption {
	options := []grpc.CallOption{callboard.MessageID(a.MessageID)}
	if a.DelayMs != nil {
		options = append(options, callboard.After(millis(*a.DelayMs)))
	}
	if a.DeliverAt != nil {
		options = append(options, callboard.At(*a.DeliverAt))
	}
	return options
}

// context has the timeout of the call, and its trace.
func (a messageArgs) context() (context.Context, context.CancelFunc) {
	ctx, cancel := within(a.TimeoutMs)
	return a.Trace.in(ctx), cancel
}

// trace has the headers of a trace context.
type trace map[string]string

func (t trace) in(ctx context.Context) context.Context {
	propagator := propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	return propagator.Extract(ctx, propagation.MapCarrier(t))
}

// message is a message whose response is JSON, with or without a stub.
type message interface {
	callboard.Sendable
	askJSON(context.Context, ...grpc.CallOption) (json.RawMessage, error)
	Tell(context.Context, ...grpc.CallOption) (*callboard.Receipt, error)
	startJSON(context.Context) (awaited, error)
}

// awaited is a future whose response is JSON.
type awaited func(context.Context) (json.RawMessage, error)

// messageOf makes the message that the arguments describe.
func messageOf(client *callboard.Client, args messageArgs) (message, error) {
	if args.Via != "typed" {
		return named{client.JSONMessage(args.address(), args.Method, args.Request, args.options()...)}, nil
	}
	stub := pb.NewInterpreterClient(client.Actor(string(args.Key)))
	switch args.Method {
	case "Run":
		return typedOf(stub.Run, &pb.RunRequest{}, args)
	case "Look":
		return typedOf(stub.Look, &pb.LookRequest{}, args)
	case "Note":
		return typedOf(stub.Note, &pb.NoteRequest{}, args)
	case "Make":
		return typedOf(stub.Make, &pb.MakeRequest{}, args)
	default:
		return nil, unsupported("the stub has no method " + args.Method)
	}
}

// named is a message without a stub.
type named struct {
	*callboard.Message[json.RawMessage]
}

func (n named) askJSON(ctx context.Context, options ...grpc.CallOption) (json.RawMessage, error) {
	return n.Ask(ctx, options...)
}

func (n named) startJSON(ctx context.Context) (awaited, error) {
	future, err := n.Start(ctx)
	if err != nil {
		return nil, err
	}
	return future.Await, nil
}

// typed is a message of a stub's method. To ask it the stub is called itself.
type typed[Request, Response proto.Message] struct {
	*callboard.Message[Response]
	method  func(context.Context, Request, ...grpc.CallOption) (Response, error)
	request Request
}

func typedOf[Request, Response proto.Message](
	method func(context.Context, Request, ...grpc.CallOption) (Response, error), request Request, args messageArgs,
) (message, error) {
	if err := protojson.Unmarshal(args.Request, request); err != nil {
		return nil, err
	}
	made := callboard.NewMessage(method, request, args.options()...)
	return typed[Request, Response]{Message: made, method: method, request: request}, nil
}

func (t typed[Request, Response]) askJSON(
	ctx context.Context, options ...grpc.CallOption,
) (json.RawMessage, error) {
	return jsonOf(t.method(ctx, t.request, append(options, callboard.MessageID(t.ID()))...))
}

func (t typed[Request, Response]) startJSON(ctx context.Context) (awaited, error) {
	future, err := t.Start(ctx)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (json.RawMessage, error) { return jsonOf(future.Await(ctx)) }, nil
}

// jsonOf writes a response in protobuf's JSON.
func jsonOf[Response proto.Message](response Response, err error) (json.RawMessage, error) {
	if err != nil {
		return nil, err
	}
	return protojson.Marshal(response)
}

// pickedUp is a future by the method's name.
func pickedUp(client *callboard.Client, args messageArgs) awaited {
	stub := pb.NewInterpreterClient(client.Actor(string(args.Key)))
	switch args.Method {
	case "Run":
		return func(ctx context.Context) (json.RawMessage, error) {
			return jsonOf(callboard.PickUp(stub.Run, args.MessageID).Await(ctx))
		}
	case "Make":
		return func(ctx context.Context) (json.RawMessage, error) {
			return jsonOf(callboard.PickUp(stub.Make, args.MessageID).Await(ctx))
		}
	default:
		return client.PickUpJSON(args.address(), args.Method, args.MessageID).Await
	}
}
