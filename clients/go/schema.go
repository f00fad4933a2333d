package callboard

import (
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	pb "github.com/callboard-dev/callboard/clients/go/gen/callboard/v1"
)

// method is what the .proto file of a generated stub says of a method.
type method struct {
	name      string
	actorType string // as it is in addresses
	isTell    bool
}

// methods has what was looked up, by path.
var methods sync.Map

// lookUp reads the descriptors that generated code brings along. Of a method that has none it knows what
// its path says.
func lookUp(path string) method {
	if found, ok := methods.Load(path); ok {
		return found.(method)
	}
	service, name, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	found := method{name: name, actorType: service}
	descriptor, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if actor, ok := descriptor.(protoreflect.ServiceDescriptor); err == nil && ok {
		options := proto.GetExtension(actor.Options(), pb.E_Actor).(*pb.ActorOptions)
		if options.GetType() != "" {
			found.actorType = options.GetType()
		}
		if handler := actor.Methods().ByName(protoreflect.Name(name)); handler != nil {
			found.isTell = proto.GetExtension(handler.Options(), pb.E_Handler).(*pb.HandlerOptions).GetTell()
		}
	}
	methods.Store(path, found)
	return found
}
