import assert from "node:assert/strict";
import { test } from "node:test";

import { create, toBinary, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../gen/google/rpc/error_details_pb.js";
import { statusOf } from "../src/connection.js";
import { errorOf, nameOf } from "../src/errors.js";
import * as callboard from "../src/node.js";
import { Retry } from "../src/retry.js";

function status(code: Code, ...details: ConnectError["details"]): ConnectError {
  const status = new ConnectError("what it says", code, { "content-type": "application/grpc" });
  status.details = details;
  return status;
}

function detail<D extends DescMessage>(
  schema: D,
  value: MessageInitShape<D>,
): ConnectError["details"][number] {
  return { type: schema.typeName, value: toBinary(schema, create(schema, value)) };
}

function own(code: Code, reason: string, metadata: Record<string, string> = {}): ConnectError {
  return status(code, detail(ErrorInfoSchema, { reason, domain: "callboard.dev", metadata }));
}

test("an error says what its details say", () => {
  const error = errorOf(
    status(
      Code.InvalidArgument,
      detail(ErrorInfoSchema, {
        reason: "INVALID_REQUEST",
        domain: "callboard.dev",
        metadata: { field: "a.b" },
      }),
      detail(BadRequestSchema, { fieldViolations: [{ field: "a.b", description: "bad" }] }),
      detail(RetryInfoSchema, { retryDelay: { seconds: 1n, nanos: 500_000_000 } }),
    ),
    "order-7",
  );
  assert.ok(error instanceof callboard.InvalidRequestError);
  assert.ok(error instanceof callboard.CallboardError);
  assert.equal(error.name, "InvalidRequestError");
  assert.equal(error.message, "INVALID_ARGUMENT (INVALID_REQUEST): what it says");
  assert.equal(error.code, Code.InvalidArgument);
  assert.deepEqual(error.metadata, { field: "a.b" });
  assert.deepEqual(error.fieldViolations, [{ field: "a.b", description: "bad" }]);
  assert.equal(error.retryDelayMs, 1_500);
  assert.equal(error.messageId, "order-7");
  assert.equal(error.cause.rawMessage, "what it says");
  assert.equal(error.findDetails(ErrorInfoSchema).length, 1);
});

test("each reason has the class of what to do next", () => {
  const kinds: [string, Code, new (...args: never) => unknown][] = [
    ["UNAVAILABLE", Code.Unavailable, callboard.UnavailableError],
    ["ASK_TIMEOUT", Code.DeadlineExceeded, callboard.DeadlineExceededError],
    ["SEND_TIMEOUT", Code.DeadlineExceeded, callboard.DeadlineExceededError],
    ["MESSAGE_CANCELLED", Code.Canceled, callboard.MessageCancelledError],
    ["PAYLOAD_TOO_LARGE", Code.ResourceExhausted, callboard.PayloadTooLargeError],
    ["ACTOR_NOT_DEPLOYED", Code.FailedPrecondition, callboard.NotDeployedError],
    ["DEAD_LETTERED", Code.FailedPrecondition, callboard.DeadLetteredError],
    ["MAILBOX_FULL", Code.ResourceExhausted, callboard.MailboxFullError],
    ["RATE_LIMITED", Code.ResourceExhausted, callboard.RateLimitedError],
    ["MESSAGE_ID_REUSED", Code.AlreadyExists, callboard.MessageIdReusedError],
    ["UNAUTHENTICATED", Code.Unauthenticated, callboard.UnauthenticatedError],
    ["PERMISSION_DENIED", Code.PermissionDenied, callboard.PermissionDeniedError],
    ["INTERNAL_METHOD", Code.PermissionDenied, callboard.PermissionDeniedError],
    ["INTERNAL", Code.Internal, callboard.CallboardError],
  ];
  for (const [reason, code, kind] of kinds) {
    assert.equal(errorOf(own(code, reason), undefined).constructor, kind, reason);
  }
});

test("a status without Callboard's reason is the handler's, if nobody else makes such ones", () => {
  const of = (code: Code, ...details: ConnectError["details"]): unknown =>
    errorOf(status(code, ...details), undefined).constructor;
  const foreign = detail(ErrorInfoSchema, { reason: "TOO_LOW", domain: "bank.example" });
  assert.equal(of(Code.Unavailable, foreign), callboard.HandlerError);
  assert.equal(of(Code.NotFound), callboard.HandlerError);
  assert.equal(of(Code.Unavailable), callboard.UnavailableError);
  assert.equal(of(Code.Unknown), callboard.CallboardError);
  // With the receipt of a stored message it is the handler's, whatever the code.
  const stored = status(Code.Unavailable);
  stored.metadata.set("callboard-message-id", "order-7");
  const error = errorOf(stored, undefined);
  assert.ok(error instanceof callboard.HandlerError);
  assert.equal(error.receipt?.messageId, "order-7");
});

test("an error knows its message from the gateway, too", () => {
  const error = errorOf(own(Code.DeadlineExceeded, "ASK_TIMEOUT", { message_id: "m" }), undefined);
  assert.equal(error.messageId, "m");
});

test("a connection that failed is UNAVAILABLE, however it is called", () => {
  const system = Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
  for (const cause of [
    new ConnectError("reset", Code.Aborted),
    new ConnectError("closed", Code.Canceled),
    new ConnectError("x", Code.Internal, undefined, undefined, system),
    new TypeError("Failed to fetch"),
  ]) {
    assert.equal(statusOf(cause).code, Code.Unavailable, String(cause));
  }
  assert.equal(statusOf(new ConnectError("defect", Code.Internal)).code, Code.Internal);
  assert.equal(
    statusOf(new ConnectError("late", Code.DeadlineExceeded)).code,
    Code.DeadlineExceeded,
  );
  // What the gateway says stays what it is.
  assert.equal(statusOf(status(Code.Aborted)).code, Code.Aborted);
});

test("only UNAVAILABLE and what has RetryInfo is sent again", () => {
  const retry = new Retry({ attempts: 3, baseMs: 100, factor: 2, capMs: 150 });
  const wait = (attempts: number, code: Code, ...details: ConnectError["details"]) =>
    retry.waitMs(attempts, errorOf(status(code, ...details), undefined), 0.5);
  const later = detail(RetryInfoSchema, { retryDelay: { seconds: 2n } });
  assert.equal(wait(1, Code.Unavailable), 50);
  assert.equal(wait(2, Code.Unavailable), 75);
  assert.equal(wait(3, Code.Unavailable), undefined);
  assert.equal(wait(1, Code.ResourceExhausted), undefined);
  assert.equal(wait(1, Code.ResourceExhausted, later), 2_200);
  assert.equal(wait(1, Code.DeadlineExceeded, later), undefined);
});

test("codes have their names of gRPC", () => {
  assert.equal(nameOf(Code.Canceled), "CANCELLED");
  assert.equal(nameOf(Code.DeadlineExceeded), "DEADLINE_EXCEEDED");
  assert.equal(nameOf(Code.OutOfRange), "OUT_OF_RANGE");
});
