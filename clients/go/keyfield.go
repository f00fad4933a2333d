package callboard

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/callboard-dev/callboard/clients/go/gen/callboard/v1"
)

// keyDepthMax is how many messages deep key fields lie at most, the request included.
const keyDepthMax = 8

// keyField is the way to a key field: the fields that lead to it, and the field itself.
type keyField []protoreflect.FieldDescriptor

// keyFields finds the key fields of a request, as options.proto says of `callboard.v1.field`: in the order
// of the fields' numbers, those of a message in the place of the message.
func keyFields(request protoreflect.MessageDescriptor) []keyField {
	var found []keyField
	var look func(message protoreflect.MessageDescriptor, way keyField)
	look = func(message protoreflect.MessageDescriptor, way keyField) {
		fields := make([]protoreflect.FieldDescriptor, message.Fields().Len())
		for i := range fields {
			fields[i] = message.Fields().Get(i)
		}
		slices.SortFunc(fields, func(a, b protoreflect.FieldDescriptor) int {
			return cmp.Compare(a.Number(), b.Number())
		})
		for _, field := range fields {
			oneof := field.ContainingOneof()
			if field.IsList() || field.IsMap() || (oneof != nil && !oneof.IsSynthetic()) {
				continue
			}
			options := proto.GetExtension(field.Options(), pb.E_Field).(*pb.FieldOptions)
			next := append(slices.Clone(way), field)
			inner := field.Message()
			switch {
			case inner == nil && options.GetKey():
				found = append(found, next)
			case inner == nil || (options != nil && options.Key != nil && !options.GetKey()):
				// It is no key, or names another actor.
			case len(next) < keyDepthMax && !isWithin(inner, request, way):
				look(inner, next)
			}
		}
	}
	look(request, nil)
	return found
}

// isWithin tells whether a message is one of those that the way leads through: it is not looked into again.
func isWithin(inner, request protoreflect.MessageDescriptor, way keyField) bool {
	return inner.FullName() == request.FullName() ||
		slices.ContainsFunc(way, func(field protoreflect.FieldDescriptor) bool {
			return field.Message().FullName() == inner.FullName()
		})
}

// withKey gives a copy of a request with the key in its key fields.
func withKey(request proto.Message, key string) (proto.Message, *Error) {
	fail := func(detail string) (proto.Message, *Error) { return nil, newInvalid(headerKey, detail) }
	if request == nil {
		return fail("it is not visible ASCII, and the request has no fields to put it into")
	}
	filled := proto.Clone(request)
	fields := keyFields(filled.ProtoReflect().Descriptor())
	parts := []string{key}
	if len(fields) > 1 {
		parts = strings.Split(key, "/")
	}
	if len(parts) != len(fields) {
		return fail("it has " + strconv.Itoa(len(parts)) + " parts, and the request has " +
			strconv.Itoa(len(fields)) + " key fields")
	}
	for i, field := range fields {
		part := parts[i]
		if len(fields) > 1 {
			part = unescapes.Replace(part)
		}
		if !field.set(filled.ProtoReflect(), part) {
			return fail("the request has another one in " + string(field[len(field)-1].FullName()))
		}
	}
	return filled, nil
}

// `%25` first, where both begin: `%252F` is `%2F`.
var unescapes = strings.NewReplacer("%25", "%", "%2F", "/")

// set puts a part of a key into its field; false when the field has another one, or cannot have this one.
func (f keyField) set(message protoreflect.Message, part string) bool {
	last := len(f) - 1
	for _, field := range f[:last] {
		message = message.Mutable(field).Message()
	}
	if text := f.text(message); text != "" {
		return text == part
	}
	var value protoreflect.Value
	switch kind := f[last].Kind(); kind {
	case protoreflect.StringKind:
		value = protoreflect.ValueOfString(part)
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		number, err := strconv.ParseInt(part, 10, 32)
		if err != nil {
			return false
		}
		value = protoreflect.ValueOfInt32(int32(number))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		number, err := strconv.ParseInt(part, 10, 64)
		if err != nil {
			return false
		}
		value = protoreflect.ValueOfInt64(number)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		number, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return false
		}
		value = protoreflect.ValueOfUint32(uint32(number))
	default:
		number, err := strconv.ParseUint(part, 10, 64)
		if err != nil {
			return false
		}
		value = protoreflect.ValueOfUint64(number)
	}
	message.Set(f[last], value)
	return true
}

// text is the part of the key that the field of a message has; empty when it is not set.
func (f keyField) text(message protoreflect.Message) string {
	field := f[len(f)-1]
	if !message.Has(field) {
		return ""
	}
	return message.Get(field).String()
}

// keyOf is the key that a request has; empty when it has none.
func keyOf(request proto.Message) string {
	fields := keyFields(request.ProtoReflect().Descriptor())
	parts := make([]string, len(fields))
	for i, field := range fields {
		message := request.ProtoReflect()
		for _, outer := range field[:len(field)-1] {
			message = message.Get(outer).Message()
		}
		if parts[i] = field.text(message); parts[i] == "" {
			return ""
		}
	}
	return Key(parts...)
}
