package callboard

import (
	"context"
	"encoding/json"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	pb "github.com/callboard-dev/callboard/clients/go/gen/callboard/v1"
)

// Future is the response to an ask that was sent before, by this program or another one. It is made by
// [Message.Start], [PickUp], [Client.PickUpJSON] and [Client.PickUpEncoded], and may be used by several
// goroutines.
type Future[Response any] struct {
	route[Response]
	id string
	// Why there is nothing to wait for.
	err error
}

// PickUp gives the response to a message that was sent before, by whomever. The stub must have been made
// with [Client.Actor] and the key:
//
//	account := bankpb.NewAccountClient(client.Actor("alice"))
//	response, err := callboard.PickUp(account.Deposit, "order-7").Await(ctx)
//
// The message need not have arrived yet.
func PickUp[Request, Response proto.Message](
	method func(context.Context, Request, ...grpc.CallOption) (Response, error), messageID string,
) *Future[Response] {
	route, err := routeOf(method)
	return &Future[Response]{route: route, id: messageID, err: err}
}

// PickUpJSON is as [PickUp], by name; the response is in protobuf's JSON.
func (c *Client) PickUpJSON(address Address, method, messageID string) *Future[json.RawMessage] {
	return &Future[json.RawMessage]{route: routeOfJSON(c, address, method), id: messageID}
}

// PickUpEncoded is as [PickUp], by name; the response is in protobuf's encoding.
func (c *Client) PickUpEncoded(address Address, messageID string) *Future[[]byte] {
	return &Future[[]byte]{route: routeOfEncoded(c, address, ""), id: messageID}
}

// MessageID is the id of the message. With it and the address another program can pick the response up,
// for 24 hours.
func (f *Future[Response]) MessageID() string { return f.id }

// Address is that of the actor.
func (f *Future[Response]) Address() Address { return f.address }

// Await waits for the response. It ends as the ask would have; it may be called several times. To give up,
// cancel the context: the message is processed all the same.
//
// Without a deadline in its context it waits for 30 s, or what [WithAskTimeout] says; then the error is
// [ErrDeadlineExceeded], which says only that no reply is stored yet.
func (f *Future[Response]) Await(ctx context.Context) (Response, error) {
	var none Response
	if f.err != nil {
		return none, f.err
	}
	request := &pb.AwaitRequest{
		Address:   &pb.Address{Type: f.address.Type, Key: f.address.Key},
		MessageId: f.id,
	}
	if f.isJSON {
		request.JsonOfMethod = f.method
	}
	answer, err := f.client.gateway.Await(ctx, request, MessageID(f.id))
	if err != nil {
		return none, err
	}
	return f.read(answer)
}

// Cancel cancels a delayed message that is not yet due; false when none of this id waits there: it is
// delivered already, or cancelled, or was never sent.
func (c *Client) Cancel(ctx context.Context, address Address, messageID string) (bool, error) {
	request := &pb.CancelRequest{
		Address:   &pb.Address{Type: address.Type, Key: address.Key},
		MessageId: messageID,
	}
	answer, err := c.gateway.Cancel(ctx, request, MessageID(messageID))
	return answer.GetCancelled(), err
}
