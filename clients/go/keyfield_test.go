package callboard

import (
	"sync"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	pb "github.com/callboard-dev/callboard/clients/go/gen/callboard/v1"
)

func TestPartsMakeAKey(t *testing.T) {
	// The table of docs/keys.md.
	for _, row := range []struct {
		key   string
		parts []string
	}{
		{"", nil},
		{"alice", []string{"alice"}},
		{"eu/west", []string{"eu/west"}},
		{"50%", []string{"50%"}},
		{"eu/alice", []string{"eu", "alice"}},
		{"eu%2Fwest/alice", []string{"eu/west", "alice"}},
		{"50%25/1", []string{"50%", "1"}},
		{"%252F/%2F", []string{"%2F", "/"}},
		{"a/-7/b c", []string{"a", "-7", "b c"}},
		{"köln/ä%2Fö", []string{"köln", "ä/ö"}},
	} {
		if key := Key(row.parts...); key != row.key {
			t.Errorf("%q of %q", key, row.parts)
		}
	}
}

// descriptors has a request with its key in several places: region, place.tenant, place.inner.number.
const descriptors = `{
  "name": "keyfield_test.proto", "package": "keyfield", "syntax": "proto3",
  "dependency": ["callboard/v1/options.proto"],
  "messageType": [{
    "name": "Request",
    "field": [
      {"name": "note", "number": 9, "type": "TYPE_STRING", "label": "LABEL_OPTIONAL"},
      {"name": "place", "number": 2, "type": "TYPE_MESSAGE", "typeName": ".keyfield.Place", "label": "LABEL_OPTIONAL"},
      {"name": "region", "number": 1, "type": "TYPE_STRING", "label": "LABEL_OPTIONAL",
       "options": {"[callboard.v1.field]": {"key": true}}},
      {"name": "to", "number": 3, "type": "TYPE_MESSAGE", "typeName": ".keyfield.Place", "label": "LABEL_OPTIONAL",
       "options": {"[callboard.v1.field]": {"key": false}}},
      {"name": "others", "number": 4, "type": "TYPE_MESSAGE", "typeName": ".keyfield.Place", "label": "LABEL_REPEATED"},
      {"name": "parent", "number": 5, "type": "TYPE_MESSAGE", "typeName": ".keyfield.Request", "label": "LABEL_OPTIONAL"}
    ]
  }, {
    "name": "Place",
    "field": [
      {"name": "tenant", "number": 1, "type": "TYPE_STRING", "label": "LABEL_OPTIONAL",
       "options": {"[callboard.v1.field]": {"key": true}}},
      {"name": "inner", "number": 2, "type": "TYPE_MESSAGE", "typeName": ".keyfield.Inner", "label": "LABEL_OPTIONAL"}
    ]
  }, {
    "name": "Inner",
    "field": [
      {"name": "number", "number": 1, "type": "TYPE_SINT32", "label": "LABEL_OPTIONAL",
       "options": {"[callboard.v1.field]": {"key": true}}},
      {"name": "place", "number": 2, "type": "TYPE_MESSAGE", "typeName": ".keyfield.Place", "label": "LABEL_OPTIONAL"}
    ]
  }]
}`

var request = sync.OnceValue(func() protoreflect.MessageDescriptor {
	var file descriptorpb.FileDescriptorProto
	if err := protojson.Unmarshal([]byte(descriptors), &file); err != nil {
		panic(err)
	}
	described, err := protodesc.NewFile(&file, protoregistry.GlobalFiles)
	if err != nil {
		panic(err)
	}
	return described.Messages().ByName("Request")
})

// nested is a request of `descriptors`.
func nested(t *testing.T, json string) *dynamicpb.Message {
	t.Helper()
	message := dynamicpb.NewMessage(request())
	if err := protojson.Unmarshal([]byte(json), message); err != nil {
		t.Fatal(err)
	}
	return message
}

func TestKeyFieldsAreFoundInTheirOrder(t *testing.T) {
	var names []protoreflect.FullName
	for _, field := range keyFields(nested(t, `{}`).Descriptor()) {
		names = append(names, field[len(field)-1].FullName())
	}
	expected := []protoreflect.FullName{"keyfield.Request.region", "keyfield.Place.tenant", "keyfield.Inner.number"}
	if len(names) != 3 || names[0] != expected[0] || names[1] != expected[1] || names[2] != expected[2] {
		t.Fatal(names)
	}
}

func TestKeyIsPutIntoTheRequestAndReadFromIt(t *testing.T) {
	const key = "köln/a%2F%25b/-7"
	for _, given := range []string{
		`{"note": "x"}`,
		`{"note": "x", "place": {"inner": {"number": -7}}}`,
		`{"note": "x", "region": "köln", "place": {"tenant": "a/%b"}}`,
	} {
		request := nested(t, given)
		before := proto.Clone(request)
		filled, err := withKey(request, key)
		if err != nil {
			t.Fatal(err)
		}
		expected := nested(t, `{"note": "x", "region": "köln", "place": {"tenant": "a/%b", "inner": {"number": -7}}}`)
		if !proto.Equal(filled, expected) {
			t.Fatal(filled)
		}
		if !proto.Equal(before, request) {
			t.Fatal("the caller's request was changed")
		}
		if found := keyOf(filled); found != key {
			t.Fatal(found)
		}
	}
	if key := keyOf(nested(t, `{"region": "köln"}`)); key != "" {
		t.Fatal(key)
	}
}

func TestKeyThatDoesNotFitIsRefused(t *testing.T) {
	for _, row := range []struct{ request, key string }{
		{`{}`, "köln/a"},
		{`{}`, "köln/a/b/c"},
		{`{}`, "köln/a/number"},
		{`{}`, "köln/a/99999999999"},
		{`{"region": "bonn"}`, "köln/a/1"},
	} {
		_, err := withKey(nested(t, row.request), row.key)
		if err == nil || err.Kind != ErrInvalidRequest {
			t.Errorf("%+v: %v", row, err)
		}
	}
	if _, err := withKey(&pb.Receipt{}, "ä"); err == nil {
		t.Error("it has no key field")
	}
}
