package callboard_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	"github.com/callboard-dev/callboard/clients/go"
	"github.com/callboard-dev/callboard/clients/go/examples/counterpb"
)

func TestURLsAndOptionsThatAreNotValidAreRefused(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	noPEM := filepath.Join(t.TempDir(), "no.pem")
	if err := os.WriteFile(noPEM, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		url     string
		option  callboard.Option
		problem string
	}{
		{"127.0.0.1:7070", callboard.WithoutRetry(), "looks like http://127.0.0.1:7070"},
		{"localhost:7070", callboard.WithoutRetry(), "neither with http:// nor with https://"},
		{"grpc://localhost", callboard.WithoutRetry(), "neither with http:// nor with https://"},
		{"http://", callboard.WithoutRetry(), "no host"},
		{"http://localhost/path", callboard.WithoutRetry(), "more than a host and a port"},
		{"http://localhost", callboard.WithTLSConfig(&tls.Config{}), "https://"},
		{"https://localhost", callboard.WithCAFile(missing), "no such file"},
		{"https://localhost", callboard.WithCAFile(noPEM), "no certificate"},
		{"https://localhost", callboard.WithClientCertificate(missing, missing), "no such file"},
		{"http://localhost", callboard.WithAskTimeout(0), "ask timeout"},
		{"http://localhost", callboard.WithTellTimeout(-1), "tell timeout"},
		{"http://localhost", callboard.WithKeepalive(0), "keepalive"},
		{"http://localhost", callboard.WithRetry(callboard.RetryPolicy{Attempts: -1}), "negative"},
	} {
		_, err := callboard.NewClient(row.url, row.option)
		if err == nil || !strings.Contains(err.Error(), row.problem) {
			t.Errorf("%s: %v", row.url, err)
		}
	}
}

func TestNobodyThereIsUnavailable(t *testing.T) {
	client := newClient(t, "http://127.0.0.1:1", quick)
	_, err := counterpb.NewCounterClient(client.Actor("alice")).Add(t.Context(), add(1), callboard.MessageID("order-7"))
	if failed := failedWith(t, err, callboard.ErrUnavailable); failed.MessageID != "order-7" || failed.Domain != "" {
		t.Fatalf("%+v", failed)
	}
}

func TestCallerShowsWhoItIs(t *testing.T) {
	server := serveFaults(t, &faults{answer: first(1, refuse(codes.Unavailable, -1))})
	var asked atomic.Int64
	client := newClient(t, server.url, quick, callboard.WithAPIKey("cb_secret"),
		callboard.WithTokenSource(func(context.Context) (string, error) {
			return "token-" + strconv.FormatInt(asked.Add(1), 10), nil
		}))
	counter := counterpb.NewCounterClient(client.Actor("alice"))
	if _, err := counter.Add(t.Context(), add(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := callboard.PickUp(counter.Add, "order-7").Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, attempt := range server.attempts() {
		if attempt.header("authorization") != "Bearer token-"+strconv.Itoa(i+1) || attempt.header("callboard-api-key") != "cb_secret" {
			t.Fatal(attempt.metadata)
		}
	}
}

func TestTokenThatCannotBeHadFailsTheCall(t *testing.T) {
	server := serveFaults(t, &faults{})
	client := newClient(t, server.url, callboard.WithTokenSource(func(context.Context) (string, error) {
		return "", errors.New("the issuer is away")
	}))
	_, err := counterpb.NewCounterClient(client.Actor("alice")).Add(t.Context(), add(1))
	failedWith(t, err, callboard.ErrUnauthenticated)
	if len(server.attempts()) != 0 {
		t.Fatal(server.attempts())
	}
}

func TestTraceContextGoesWithCalls(t *testing.T) {
	server := serveFaults(t, &faults{})
	counter := counterpb.NewCounterClient(newClient(t, server.url).Actor("alice"))
	state, err := trace.ParseTraceState("vendor=abc")
	if err != nil {
		t.Fatal(err)
	}
	span := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled, TraceState: state,
	})
	member, err := baggage.NewMember("tenant", "acme")
	if err != nil {
		t.Fatal(err)
	}
	bag, err := baggage.New(member)
	if err != nil {
		t.Fatal(err)
	}
	traced := baggage.ContextWithBaggage(trace.ContextWithSpanContext(t.Context(), span), bag)
	own := metadata.AppendToOutgoingContext(traced, "traceparent", "00-own")
	for _, ctx := range []context.Context{traced, own, t.Context()} {
		if _, err := counter.Add(ctx, add(1)); err != nil {
			t.Fatal(err)
		}
	}
	const parent = "00-01000000000000000000000000000000-0200000000000000-01"
	for i, expected := range []map[string]string{
		{"traceparent": parent, "tracestate": "vendor=abc", "baggage": "tenant=acme"},
		{"traceparent": "00-own", "tracestate": "vendor=abc", "baggage": "tenant=acme"},
		{"traceparent": "", "tracestate": "", "baggage": ""},
	} {
		for name, value := range expected {
			if found := server.attempts()[i].metadata.Get(name); strings.Join(found, "|") != value {
				t.Errorf("%d: %s is %v", i, name, found)
			}
		}
	}
}

// certificate makes one for 127.0.0.1, which is its own authority, and writes it into files.
func certificate(t *testing.T) (certificateFile, keyFile string, pool *x509.CertPool, pair tls.Certificate) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "ann"},
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	check(err)
	folder := t.TempDir()
	certificateFile, keyFile = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	check(os.WriteFile(certificateFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	check(os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	pair, err = tls.LoadX509KeyPair(certificateFile, keyFile)
	check(err)
	parsed, err := x509.ParseCertificate(der)
	check(err)
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return certificateFile, keyFile, pool, pair
}

func TestTLSIsMutualWithACertificate(t *testing.T) {
	caFile, _, _, serverPair := certificate(t)
	clientFile, clientKeyFile, clientPool, _ := certificate(t)
	otherFile, _, _, _ := certificate(t)
	server := serveFaults(t, &faults{}, grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{serverPair},
		ClientCAs:    clientPool,
		ClientAuth:   tls.RequireAndVerifyClientCert,
	})))
	url := strings.Replace(server.url, "http://", "https://", 1)
	for name, row := range map[string]struct {
		options []callboard.Option
		isTaken bool
	}{
		"with a certificate": {
			[]callboard.Option{callboard.WithCAFile(caFile), callboard.WithClientCertificate(clientFile, clientKeyFile)}, true,
		},
		"without one":            {[]callboard.Option{callboard.WithCAFile(caFile)}, false},
		"with another authority": {[]callboard.Option{callboard.WithCAFile(otherFile)}, false},
		"as the system trusts":   {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, url, append(row.options, quick)...)
			_, err := counterpb.NewCounterClient(client.Actor("alice")).Add(t.Context(), add(1))
			if row.isTaken && err != nil {
				t.Fatal(err)
			}
			if !row.isTaken {
				failedWith(t, err, callboard.ErrUnavailable)
			}
		})
	}
}
