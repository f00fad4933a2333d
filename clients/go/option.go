package callboard

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
)

const (
	defaultAskTimeout  = 30 * time.Second
	defaultTellTimeout = 10 * time.Second
	defaultKeepalive   = 30 * time.Second
)

// Option is something that can be set of a client.
type Option func(*settings) error

type settings struct {
	askTimeout  time.Duration
	tellTimeout time.Duration
	keepalive   time.Duration
	retry       RetryPolicy
	tls         *tls.Config
	token       func(context.Context) (string, error)
	apiKey      string
	dialing     []grpc.DialOption
}

func defaultSettings() settings {
	return settings{
		askTimeout:  defaultAskTimeout,
		tellTimeout: defaultTellTimeout,
		keepalive:   defaultKeepalive,
		retry:       defaultRetryPolicy,
	}
}

// WithAskTimeout sets the deadline of asks whose context has none, all attempts together: 30 s unless set
// here. The gateway keeps at most 24 h; a longer one counts as that.
func WithAskTimeout(timeout time.Duration) Option {
	return func(s *settings) error {
		s.askTimeout = timeout
		return positive("ask timeout", timeout)
	}
}

// WithTellTimeout sets the deadline of tells whose context has none, all attempts together: 10 s unless
// set here.
func WithTellTimeout(timeout time.Duration) Option {
	return func(s *settings) error {
		s.tellTimeout = timeout
		return positive("tell timeout", timeout)
	}
}

// WithRetry sets how calls are tried again.
func WithRetry(policy RetryPolicy) Option {
	return func(s *settings) error {
		s.retry = policy.orDefaults()
		return s.retry.check()
	}
}

// WithoutRetry makes each call a single attempt.
func WithoutRetry() Option {
	return WithRetry(RetryPolicy{Attempts: 1})
}

// WithKeepalive sets after which quiet a connection with open calls is pinged: 30 s unless set here, 10 s
// at least. When the answer does not come for as long, the connection counts as broken.
func WithKeepalive(period time.Duration) Option {
	return func(s *settings) error {
		s.keepalive = period
		return positive("keepalive", period)
	}
}

// WithToken sends a bearer token with each call, as `authorization: Bearer …`. Without TLS whoever is on
// the way can read it.
func WithToken(token string) Option {
	return WithTokenSource(func(context.Context) (string, error) { return token, nil })
}

// WithTokenSource asks for the bearer token before each attempt of a call, so that it can be renewed; it
// should keep the token while it is good, and must be safe for use by several goroutines. When it fails,
// the call does, with [ErrUnauthenticated].
func WithTokenSource(source func(context.Context) (string, error)) Option {
	return func(s *settings) error {
		s.token = source
		return nil
	}
}

// WithAPIKey sends an API key with each call, as `callboard-api-key`. Without TLS whoever is on the way
// can read it.
func WithAPIKey(key string) Option {
	return func(s *settings) error {
		s.apiKey = key
		return nil
	}
}

// WithTLSConfig sets how TLS is done with a gateway at https://…; without it the certificates that the
// system trusts are trusted. Give it before [WithCAFile] and [WithClientCertificate], which add to it.
func WithTLSConfig(config *tls.Config) Option {
	return func(s *settings) error {
		s.tls = config.Clone()
		return nil
	}
}

// WithCAFile trusts the certificates of a PEM file, and no others.
func WithCAFile(path string) Option {
	return func(s *settings) error {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		config := s.tlsConfig()
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return fmt.Errorf("%s has no certificate in PEM", path)
		}
		return nil
	}
}

// WithClientCertificate shows the gateway a certificate: mutual TLS. Both files are PEM.
func WithClientCertificate(certificateFile, keyFile string) Option {
	return func(s *settings) error {
		pair, err := tls.LoadX509KeyPair(certificateFile, keyFile)
		if err != nil {
			return err
		}
		config := s.tlsConfig()
		config.Certificates = append(config.Certificates, pair)
		return nil
	}
}

// WithDialOptions gives gRPC options of its own: interceptors, stats handlers, a dialer. They come after
// those of this package.
func WithDialOptions(options ...grpc.DialOption) Option {
	return func(s *settings) error {
		s.dialing = append(s.dialing, options...)
		return nil
	}
}

func (s *settings) tlsConfig() *tls.Config {
	if s.tls == nil {
		s.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return s.tls
}

func positive(what string, duration time.Duration) error {
	if duration <= 0 {
		return errors.New("the " + what + " must be more than nothing")
	}
	return nil
}
