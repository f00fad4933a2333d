package callboard

import (
	"context"
	"encoding/json"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/callboard-dev/callboard/clients/go/gen/callboard/v1"
)

// Address says which actor.
type Address struct {
	// Type is the full name of the actor's service (`bank.v1.Account`), unless its .proto has another in
	// the option `actor.type`.
	Type string
	// Key is the actor's key, as [Key] writes it.
	Key string
}

// Message is a message to an actor that is not sent yet. It has its id from the beginning: sent several
// times, it is handled once, so after [ErrDeadlineExceeded] asking it again is safe.
//
// It may be used by several goroutines. Its request must not be changed any more.
type Message[Response any] struct {
	route[Response]
	id       string
	delivery *delivery
	options  []grpc.CallOption
	// Makes the call, as the options say.
	call func(context.Context, ...grpc.CallOption) (Response, error)
	// Puts the payload into a message by name.
	write func(*pb.Message) error
	// Why there is nothing to be sent.
	err error
}

// NewMessage makes a message of a method of a stub and its request. The stub must have been made with
// [Client.Actor]. The options are those of a call: [MessageID], [After], [At], and gRPC's own.
//
//	deposit := callboard.NewMessage(account.Deposit, &bankpb.DepositRequest{Cents: 500})
//
// What is wrong with it is told when it is sent.
func NewMessage[Request, Response proto.Message](
	method func(context.Context, Request, ...grpc.CallOption) (Response, error),
	request Request,
	options ...grpc.CallOption,
) *Message[Response] {
	route, err := routeOf(method)
	message := newMessage(route, options, err)
	message.call = func(ctx context.Context, options ...grpc.CallOption) (Response, error) {
		return method(ctx, request, options...)
	}
	if err != nil {
		return message
	}
	if message.address.Key == "" {
		message.address.Key = keyOf(request)
	}
	message.write = func(named *pb.Message) error {
		var sent proto.Message = request
		if !isVisible(named.Address.Key) {
			// As the stub's own call has it: sent again by the other way, it must be the same message.
			filled, err := withKey(request, named.Address.Key)
			if err != nil {
				return err
			}
			sent = filled
		}
		encoded, err := encode(sent)
		named.Payload = &pb.Message_Encoded{Encoded: encoded}
		return err
	}
	return message
}

// JSONMessage makes a message by name, without a stub: its request and its response are in protobuf's
// JSON; an empty request has no fields. The address's key may be empty when the request has it, or the method
// makes a new one.
func (c *Client) JSONMessage(
	address Address, method string, request json.RawMessage, options ...grpc.CallOption,
) *Message[json.RawMessage] {
	if len(request) == 0 {
		request = json.RawMessage("{}")
	}
	return byNameMessage(routeOfJSON(c, address, method), options, func(named *pb.Message) error {
		named.Payload = &pb.Message_Json{Json: string(request)}
		return nil
	})
}

// EncodedMessage makes a message by name, without a stub: its request and its response are in protobuf's
// encoding. The address's key may be empty when the request has it, or the method makes a new one.
func (c *Client) EncodedMessage(
	address Address, method string, request []byte, options ...grpc.CallOption,
) *Message[[]byte] {
	return byNameMessage(routeOfEncoded(c, address, method), options, func(named *pb.Message) error {
		named.Payload = &pb.Message_Encoded{Encoded: request}
		return nil
	})
}

func newMessage[Response any](route route[Response], options []grpc.CallOption, err error) *Message[Response] {
	given := given(options)
	if given.messageID == "" {
		given.messageID = newMessageID()
	}
	return &Message[Response]{
		route:    route,
		id:       given.messageID,
		delivery: given.delivery,
		options:  options,
		err:      err,
	}
}

func byNameMessage[Response any](
	route route[Response], options []grpc.CallOption, write func(*pb.Message) error,
) *Message[Response] {
	message := newMessage(route, options, nil)
	message.write = write
	message.call = func(ctx context.Context, options ...grpc.CallOption) (Response, error) {
		given := given(options)
		if given.isTell || given.delivery != nil {
			var none Response
			tell, err := message.tellRequest(given.delivery)
			if err != nil {
				return none, err
			}
			told, err := route.client.gateway.Tell(ctx, tell, options...)
			receiptFrom(told.GetReceipt()).storeIn(given)
			return none, err
		}
		named, err := message.named()
		if err != nil {
			var none Response
			return none, err
		}
		return message.asked(ctx, &pb.AskRequest{Message: named}, given, options)
	}
	return message
}

// asked asks by name.
func (m *Message[Response]) asked(
	ctx context.Context, request *pb.AskRequest, given callOptions, options []grpc.CallOption,
) (Response, error) {
	answer, err := m.client.gateway.Ask(ctx, request, options...)
	if err != nil {
		var none Response
		return none, err
	}
	receiptFrom(answer.GetReceipt()).storeIn(given)
	return m.read(answer)
}

// ID is the message's id.
func (m *Message[Response]) ID() string { return m.id }

// Address is that of the actor. Its key is empty when the gateway makes one, and when it is in a request
// that is not of a stub.
func (m *Message[Response]) Address() Address { return m.address }

// Ask sends the message, and waits for the actor's response: as a stub's call does, with its deadline and
// attempts. A message for later is only stored, and its response has no fields. The errors are of the type
// *[Error].
func (m *Message[Response]) Ask(ctx context.Context, options ...grpc.CallOption) (Response, error) {
	if m.err != nil {
		var none Response
		return none, m.err
	}
	return m.call(ctx, m.with(options)...)
}

// Tell sends the message, and waits until it is stored; with [After] or [At] it is delivered later. The
// method may be an ask: its reply is kept for 24 hours, for who picks it up. It must not be read-only.
//
// Without a deadline in its context it takes at most 10 s, or what [WithTellTimeout] says. Its errors are
// of the type *[Error].
func (m *Message[Response]) Tell(ctx context.Context, options ...grpc.CallOption) (*Receipt, error) {
	if m.err != nil {
		return nil, m.err
	}
	receipt := &Receipt{MessageID: m.id}
	if _, err := m.call(ctx, m.with(options, asTell(), StoreReceipt(receipt))...); err != nil {
		return nil, err
	}
	receipt.storeIn(given(options))
	return receipt, nil
}

// Start sends an ask, waits until it is stored, and gives its response as a [Future]. Its errors are those
// of Tell.
func (m *Message[Response]) Start(ctx context.Context, options ...grpc.CallOption) (*Future[Response], error) {
	receipt, err := m.Tell(ctx, options...)
	if err != nil {
		return nil, err
	}
	future := &Future[Response]{route: m.route, id: m.id}
	if receipt.NewKey != "" {
		future.address.Key = receipt.NewKey
	}
	return future, nil
}

// with adds options to those of the message; its id stays.
func (m *Message[Response]) with(options []grpc.CallOption, more ...grpc.CallOption) []grpc.CallOption {
	return slices.Concat(m.options, options, more, []grpc.CallOption{MessageID(m.id)})
}

// named writes the message by name.
func (m *Message[Response]) named() (*pb.Message, error) {
	if m.err != nil {
		return nil, m.err
	}
	named := &pb.Message{
		Address:   &pb.Address{Type: m.address.Type, Key: m.address.Key},
		Method:    m.method,
		MessageId: m.id,
	}
	return named, m.write(named)
}

// tellRequest writes the message by name, with when it is delivered.
func (m *Message[Response]) tellRequest(delivery *delivery) (*pb.TellRequest, error) {
	named, err := m.named()
	if err != nil {
		return nil, err
	}
	request := &pb.TellRequest{Message: named}
	switch {
	case delivery == nil:
	case delivery.at.IsZero():
		request.Delivery = &pb.TellRequest_Delay{Delay: durationpb.New(delivery.delay)}
	default:
		request.Delivery = &pb.TellRequest_DeliverAt{DeliverAt: timestamppb.New(delivery.at)}
	}
	return request, nil
}

func (m *Message[Response]) tellRequestOf(given callOptions) (*pb.TellRequest, error) {
	if given.delivery == nil {
		return m.tellRequest(m.delivery)
	}
	return m.tellRequest(given.delivery)
}
