package callboard

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

// Actor is what a stub calls one actor through: the stub's requests need no key of their own. It costs
// nothing to make, and may be shared.
type Actor struct {
	client *Client
	key    string
}

var _ grpc.ClientConnInterface = (*Actor)(nil)

// Actor gives what a stub is made with:
//
//	account := bankpb.NewAccountClient(client.Actor("alice"))
//
// The key has as many parts as the requests have key fields; they are joined as [Key] says. Without any
// part the key is in the requests, or the gateway makes a new one.
func (c *Client) Actor(key ...string) *Actor {
	return &Actor{client: c, key: Key(key...)}
}

var escapes = strings.NewReplacer("%", "%25", "/", "%2F")

// Key joins the parts of a key with `/`, with `%` and `/` in each part written as `%25` and `%2F`. A single
// part is the key, as it is. The key has 1 to 1,024 bytes of UTF-8 and no control characters.
func Key(parts ...string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	escaped := make([]string, len(parts))
	for i, part := range parts {
		escaped[i] = escapes.Replace(part)
	}
	return strings.Join(escaped, "/")
}

// Invoke makes a call of a stub. Its errors are of the type *[Error].
func (a *Actor) Invoke(ctx context.Context, path string, request, reply any, options ...grpc.CallOption) error {
	given := given(options)
	if given.resolving != nil {
		*given.resolving = resolution{actor: a, path: path}
		return nil
	}
	if given.messageID == "" {
		given.messageID = newMessageID()
	}
	headers, request, err := a.address(given, request)
	if err != nil {
		err.MessageID = given.messageID
		return err
	}
	timeout := a.client.settings.askTimeout
	if given.delivery != nil || given.isTell || lookUp(path).isTell {
		timeout = a.client.settings.tellTimeout
	}
	call := call{path: path, timeout: timeout, messageID: given.messageID, headers: headers, options: options}
	receipt, failure := a.client.invoke(ctx, call, request, reply)
	if failure != nil {
		return failure
	}
	receipt.storeIn(given)
	return nil
}

// NewStream fails: no actor has methods that stream.
func (a *Actor) NewStream(
	_ context.Context, _ *grpc.StreamDesc, path string, _ ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return nil, newLocalError(codes.Unimplemented, path+" streams, and methods of actors do not")
}

// address says in headers what is said of a message, and where it goes; or in the request, if a header
// cannot hold it.
func (a *Actor) address(given callOptions, request any) ([]string, any, *Error) {
	if !isVisible(given.messageID) {
		return nil, nil, newInvalid(headerMessageID, "it is not visible ASCII")
	}
	headers := []string{headerMessageID, given.messageID}
	if given.isTell || given.delivery != nil {
		headers = append(headers, headerMode, "tell")
	}
	if given.delivery != nil {
		name, value := given.delivery.header()
		headers = append(headers, name, value)
	}
	if a.key == "" {
		return headers, request, nil
	}
	if isVisible(a.key) {
		return append(headers, headerKey, a.key), request, nil
	}
	message, _ := request.(proto.Message)
	filled, err := withKey(message, a.key)
	return headers, filled, err
}

// isVisible tells whether a header can hold a text as it is: visible ASCII, and spaces within it.
func isVisible(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return strings.TrimSpace(text) == text
}

func newMessageID() string {
	// It fails when the system has no random bytes, which Go does not let happen.
	return uuid.Must(uuid.NewV7()).String()
}
