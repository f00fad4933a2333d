// The conformance driver of the Go client: it reads operations as lines of JSON, does them with the client,
// and writes what comes, as conformance/README.md says.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"sync"
)

// operation is a line of the input.
type operation struct {
	ID   int64           `json:"id"`
	Op   string          `json:"op"`
	Args json.RawMessage `json:"args"`
}

// unsupported is what this driver cannot do.
type unsupported string

func (u unsupported) Error() string { return string(u) }

// output writes lines of JSON, one at a time.
type output struct {
	mutex   sync.Mutex
	encoder *json.Encoder
}

func (o *output) write(line any) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if err := o.encoder.Encode(line); err != nil {
		log.Fatalf("nobody reads the answers: %v", err)
	}
}

func (o *output) answer(id int64, ok any, err error) {
	answer := map[string]any{"id": id}
	switch err := err.(type) {
	case nil:
		answer["ok"] = ok
	case unsupported:
		answer["unsupported"] = err.Error()
	default:
		answer["error"] = describe(err)
	}
	o.write(answer)
}

func main() {
	out := &output{encoder: json.NewEncoder(os.Stdout)}
	out.write(map[string]any{"ready": true, "language": "go"})
	driver := newDriver()
	var open sync.WaitGroup
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			break
		}
		var read operation
		if err == nil {
			err = json.Unmarshal(line, &read)
		}
		if err != nil {
			log.Fatalf("the input cannot be read: %v", err)
		}
		// What must keep the order of the lines is done here; the rest beside the others.
		finish := driver.begin(read.Op, read.Args)
		open.Go(func() {
			ok, err := finish()
			out.answer(read.ID, ok, err)
		})
	}
	if err := driver.close(); err != nil {
		log.Fatal(err)
	}
	open.Wait()
}

// parse reads the arguments of an operation.
func parse[Args any](text json.RawMessage) (Args, error) {
	var args Args
	if err := json.Unmarshal(text, &args); err != nil {
		return args, fmt.Errorf("the arguments cannot be read: %w", err)
	}
	return args, nil
}
