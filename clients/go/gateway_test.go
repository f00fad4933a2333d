package callboard_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/callboard-dev/callboard/clients/go"
	"github.com/callboard-dev/callboard/clients/go/examples/counterpb"
)

// gatewayURL is that of a real gateway, with the actor of examples/counter.
var gatewayURL string

func TestMain(m *testing.M) {
	stop, err := startGateway()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	stop()
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// startGateway runs `callboard dev`, as a process of its own, until it is stopped.
func startGateway() (stop func(), err error) {
	target, err := filepath.Abs(setting("CALLBOARD_TARGET", "../../target"))
	if err != nil {
		return nil, err
	}
	root, err := filepath.Abs(setting("CALLBOARD_ROOT", "../.."))
	if err != nil {
		return nil, err
	}
	project, err := os.MkdirTemp("", "callboard-go-")
	if err != nil {
		return nil, err
	}
	program, counter := filepath.Join(target, "debug/callboard"), filepath.Join(target, "debug/counter")
	for _, path := range []string{program, counter} {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("%s is missing; build it: cargo build -p callboard-gateway -p counter", path)
		}
	}
	config := fmt.Sprintf("protos = %q\n\n[functions.counter]\ncommand = %q\n",
		filepath.Join(root, "examples/counter/proto"), counter)
	if err := os.WriteFile(filepath.Join(project, "callboard.toml"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", freePort())
	gateway := exec.Command(program, "dev", project, "--listen="+address, "--data="+filepath.Join(project, "data"))
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "CALLBOARD_") {
			gateway.Env = append(gateway.Env, variable)
		}
	}
	output, err := gateway.StdoutPipe()
	if err != nil {
		return nil, err
	}
	gateway.Stderr = gateway.Stdout
	if err := gateway.Start(); err != nil {
		return nil, err
	}
	ready, ended := make(chan struct{}), make(chan struct{})
	var said strings.Builder
	go func() {
		defer close(ended)
		isReady := false
		for lines := bufio.NewScanner(output); lines.Scan(); {
			if !isReady {
				said.WriteString(lines.Text() + "\n")
			}
			if !isReady && strings.Contains(lines.Text(), "Ctrl-C stops it") {
				isReady = true
				close(ready)
			}
		}
	}()
	stop = func() {
		_ = gateway.Process.Signal(os.Interrupt)
		<-ended
		_ = gateway.Wait()
		_ = os.RemoveAll(project)
	}
	select {
	case <-ready:
		gatewayURL = "http://" + address
		return stop, nil
	case <-ended:
		stop()
		return nil, fmt.Errorf("callboard dev ended:\n%s", said.String())
	case <-time.After(time.Minute):
		_ = gateway.Process.Kill()
		stop()
		return nil, fmt.Errorf("callboard dev did not start within a minute:\n%s", said.String())
	}
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// freePort is below those that outgoing connections take.
func freePort() int {
	for port := 20_000 + os.Getpid()%10_000; ; port++ {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = listener.Close()
			return port
		}
	}
}

// newClient makes a client that is closed with the test.
func newClient(t *testing.T, url string, options ...callboard.Option) *callboard.Client {
	t.Helper()
	client, err := callboard.NewClient(url, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}

var keys atomic.Int64

// newKey is one that no other test has.
func newKey(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("%s-%d", t.Name(), keys.Add(1))
}

// counterOf is the stub of a counter of its own.
func counterOf(t *testing.T, client *callboard.Client) (counterpb.CounterClient, string) {
	t.Helper()
	key := newKey(t)
	return counterpb.NewCounterClient(client.Actor(key)), key
}

// valueOf asks a counter for its number, after all that was sent before.
func valueOf(t *testing.T, counter counterpb.CounterClient) int64 {
	t.Helper()
	response, err := counter.Add(context.Background(), &counterpb.AddRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return response.GetValue()
}
