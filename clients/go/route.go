package callboard

import (
	"context"
	"encoding/json"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

// route says which method of which actor is called, and how its response is read.
type route[Response any] struct {
	client  *Client
	address Address
	method  string
	isJSON  bool
	read    func(payload) (Response, error)
}

// payload is a response as the gateway gives it by name.
type payload interface {
	GetEncoded() []byte
	GetJson() string
}

// resolution is what an [Actor] answers when it is asked which method a stub calls.
type resolution struct {
	actor *Actor
	path  string
}

// routeOf finds out what a method of a stub calls. Nothing is sent.
func routeOf[Request, Response proto.Message](
	method func(context.Context, Request, ...grpc.CallOption) (Response, error),
) (route[Response], error) {
	// A stub that was made with something else must not send anything either.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var resolved resolution
	var none Request
	option := callOption{apply: func(c *callOptions) { c.resolving = &resolved }}
	if _, err := method(ctx, none, option); err != nil || resolved.actor == nil {
		return route[Response]{}, newInvalid("method", "it is not of a stub that was made with Client.Actor")
	}
	found := lookUp(resolved.path)
	return route[Response]{
		client:  resolved.actor.client,
		address: Address{Type: found.actorType, Key: resolved.actor.key},
		method:  found.name,
		read: func(p payload) (Response, error) {
			var none Response
			response := none.ProtoReflect().Type().New().Interface()
			if err := proto.Unmarshal(p.GetEncoded(), response); err != nil {
				return none, newLocalError(codes.Internal, "the response cannot be decoded: "+err.Error())
			}
			return response.(Response), nil
		},
	}, nil
}

func routeOfJSON(client *Client, address Address, method string) route[json.RawMessage] {
	return route[json.RawMessage]{
		client:  client,
		address: address,
		method:  method,
		isJSON:  true,
		read:    func(p payload) (json.RawMessage, error) { return json.RawMessage(p.GetJson()), nil },
	}
}

func routeOfEncoded(client *Client, address Address, method string) route[[]byte] {
	return route[[]byte]{
		client:  client,
		address: address,
		method:  method,
		read:    func(p payload) ([]byte, error) { return p.GetEncoded(), nil },
	}
}
