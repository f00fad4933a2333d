// Package callboard calls Callboard's actors.
//
// The stubs are those that protoc-gen-go-grpc makes from your .proto files. An [Actor] is what they
// call through:
//
//	client, err := callboard.NewClient("http://127.0.0.1:7070")
//	if err != nil { … }
//	defer client.Close()
//	account := bankpb.NewAccountClient(client.Actor("alice"))
//	response, err := account.Deposit(ctx, &bankpb.DepositRequest{Cents: 500})
//
// Each message has an id from its first attempt on, so what is sent again is handled once; a call has a
// deadline; and an error is an [Error], which says what a program can do next.
//
// A [Message] is a call that is not made yet. It can be asked, told, told for later, started, asked
// together with others ([AskMany]) and sent in a [TellStream]:
//
//	deposit := callboard.NewMessage(account.Deposit, &bankpb.DepositRequest{Cents: 500})
//	receipt, err := deposit.Tell(ctx, callboard.After(90*time.Second))
//
// Who has no stub makes a message by name, with [Client.JSONMessage] or [Client.EncodedMessage].
//
// What the files know:
//   - client.go, option.go, transport.go: how to connect, and how to end it
//   - actor.go, calloption.go: what stubs call through, and what can be said of one call
//   - call.go, retry.go: the attempts of a call
//   - message.go, route.go, future.go, askmany.go, tellstream.go: calls that are more than a stub's
//   - error.go, receipt.go: what comes back
//   - schema.go, keyfield.go, trace.go: what .proto files say, key fields, the trace context
package callboard
