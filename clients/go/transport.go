package callboard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// version is that of this module.
const version = "0.1.0"

// connecting says how a connection that cannot be made is tried again. The waits are short, because the
// calls that want it have waits of their own.
var connecting = grpc.ConnectParams{
	Backoff: backoff.Config{
		BaseDelay:  50 * time.Millisecond,
		Multiplier: 1.6,
		Jitter:     0.2,
		MaxDelay:   time.Second,
	},
	MinConnectTimeout: 5 * time.Second,
}

// transport reads a URL, and says what gRPC needs to connect to it.
func (s *settings) transport(text string) (string, []grpc.DialOption, error) {
	fail := func(problem string) (string, []grpc.DialOption, error) {
		return "", nil, fmt.Errorf("%q is no URL of a gateway: %s; it looks like http://127.0.0.1:7070", text, problem)
	}
	parsed, err := url.Parse(text)
	if err != nil {
		return fail("it cannot be read")
	}
	var security credentials.TransportCredentials
	port := parsed.Port()
	switch parsed.Scheme {
	case "http":
		if s.tls != nil {
			return "", nil, errors.New("options of TLS need a URL that begins with https://")
		}
		security = insecure.NewCredentials()
		if port == "" {
			port = "80"
		}
	case "https":
		security = credentials.NewTLS(s.tlsConfig())
		if port == "" {
			port = "443"
		}
	default:
		return fail("it begins neither with http:// nor with https://")
	}
	if parsed.Hostname() == "" {
		return fail("it has no host")
	}
	if (parsed.Path != "" && parsed.Path != "/") || parsed.RawQuery != "" || parsed.User != nil {
		return fail("there is more than a host and a port")
	}
	dialing := []grpc.DialOption{
		grpc.WithTransportCredentials(security),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: s.keepalive, Timeout: s.keepalive}),
		grpc.WithConnectParams(connecting),
		grpc.WithUserAgent("callboard-go/" + version),
		// This package decides what is tried again, not what DNS says.
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
	}
	if s.token != nil || s.apiKey != "" {
		dialing = append(dialing, grpc.WithPerRPCCredentials(caller{s.token, s.apiKey}))
	}
	return "dns:///" + net.JoinHostPort(parsed.Hostname(), port), append(dialing, s.dialing...), nil
}

// caller says who calls.
type caller struct {
	token  func(context.Context) (string, error)
	apiKey string
}

func (c caller) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	metadata := map[string]string{}
	if c.token != nil {
		token, err := c.token(ctx)
		if err != nil {
			return nil, err
		}
		metadata["authorization"] = "Bearer " + token
	}
	if c.apiKey != "" {
		metadata["callboard-api-key"] = c.apiKey
	}
	return metadata, nil
}

// RequireTransportSecurity is false: whoever chose http:// has chosen it for the token, too.
func (caller) RequireTransportSecurity() bool { return false }
