/**
 * What a call fails with: one class for each thing that a program does next, all of
 * them a {@link CallboardError}.
 */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

import type { ErrorReason } from "../gen/callboard/v1/error_reason_pb.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
  type ErrorInfo,
} from "../gen/google/rpc/error_details_pb.js";
import { receiptIn, type Receipt } from "./receipt.js";

/** The domain of Callboard's own reasons. */
export const ERROR_DOMAIN = "callboard.dev";

/** Callboard's own reasons, and any other: those of an actor are the actor's. */
export type Reason = Exclude<keyof typeof ErrorReason, "UNSPECIFIED"> | (string & {});

/** A field of the request, or a header, that is not valid. */
export interface FieldViolation {
  /** The field's path, or the header's name. */
  readonly field: string;
  /** What is wrong with it. */
  readonly description: string;
}

/**
 * What a call failed with: a status, with its details read. Its subclasses say what to
 * do next; an error of none of them is to be looked at by people.
 */
export class CallboardError extends Error {
  // Not that of the class, which minifiers shorten.
  override readonly name: string = "CallboardError";
  /** The status code. */
  readonly code: Code;
  /** Why, for programs. `undefined` of a status that has no reason. */
  readonly reason: Reason | undefined;
  /** Whose reason it is: {@link ERROR_DOMAIN} for Callboard's own. */
  readonly domain: string | undefined;
  /** The facts of the reason: those of Callboard's own are in docs/errors.md. */
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * After how many milliseconds the same message may be sent again: nothing of it is
   * stored. The client has done so already as often as its retries allow.
   */
  readonly retryDelayMs: number | undefined;
  /** What is wrong with the request, field by field. */
  readonly fieldViolations: readonly FieldViolation[];
  /** The id of the message, stored or not; `undefined` of what is no message. */
  readonly messageId: string | undefined;
  /** What became of the message, where it is known to be stored. */
  readonly receipt: Receipt | undefined;
  /** The status as it came. */
  declare readonly cause: ConnectError;

  /** The error that a status means for a message: for tests of what handles it. */
  constructor(cause: ConnectError, messageId?: string) {
    const info = errorInfo(cause);
    super(text(cause, info?.reason), { cause });
    this.code = cause.code;
    this.reason = info?.reason;
    this.domain = info?.domain;
    this.metadata = info?.metadata ?? {};
    this.retryDelayMs = retryDelayMs(cause);
    this.fieldViolations = cause
      .findDetails(BadRequestSchema)
      .flatMap((request) => request.fieldViolations)
      .map(({ field, description }) => ({ field, description }));
    this.receipt = receiptIn(cause.metadata);
    this.messageId = messageId ?? this.receipt?.messageId ?? ownMessageId(info);
  }

  /** @internal The same error of another message. */
  of(messageId: string): CallboardError {
    return new (this.constructor as Kind)(this.cause, messageId);
  }

  /** The details of a type, `google.rpc.Help` or an actor's own. */
  findDetails<D extends DescMessage>(schema: D): MessageShape<D>[] {
    return this.cause.findDetails(schema);
  }
}

/**
 * The gateway cannot be reached, or cannot do it now, and all retries are used up. The
 * message may be stored: send it again with its id.
 */
export class UnavailableError extends CallboardError {
  override readonly name = "UnavailableError";
}

/**
 * The deadline passed. The message may be stored, and is handled then: wait for its
 * reply with its id, or send it again with that id.
 */
export class DeadlineExceededError extends CallboardError {
  override readonly name = "DeadlineExceededError";
}

/**
 * The caller gave up with its `AbortSignal`, or the client was closed. The message may
 * be stored, and is handled then. `cause.cause` is the reason of the signal.
 */
export class CancelledError extends CallboardError {
  override readonly name = "CancelledError";
}

/** The delayed message was cancelled before it was due. */
export class MessageCancelledError extends CallboardError {
  override readonly name = "MessageCancelledError";
}

/** The request is not valid: see `fieldViolations`. Sending it again does not help. */
export class InvalidRequestError extends CallboardError {
  override readonly name = "InvalidRequestError";
}

/** Something is larger than it may be. Sending it again does not help. */
export class PayloadTooLargeError extends CallboardError {
  override readonly name = "PayloadTooLargeError";
}

/**
 * The actor's function is missing or does not start. With a `message_id` in `metadata`
 * the message is stored, and is handled when the function runs.
 */
export class NotDeployedError extends CallboardError {
  override readonly name = "NotDeployedError";
}

/** The message failed in all of its attempts, and was set aside for an operator. */
export class DeadLetteredError extends CallboardError {
  override readonly name = "DeadLetteredError";
}

/** Too many messages wait for the actor. Nothing is stored; send it again later. */
export class MailboxFullError extends CallboardError {
  override readonly name = "MailboxFullError";
}

/** Too much is sent by this caller, or to this actor. Nothing is stored. */
export class RateLimitedError extends CallboardError {
  override readonly name = "RateLimitedError";
}

/** Another message had this id: method or request differ. The first one stays. */
export class MessageIdReusedError extends CallboardError {
  override readonly name = "MessageIdReusedError";
}

/** There are no credentials with the call, or some that are not taken. */
export class UnauthenticatedError extends CallboardError {
  override readonly name = "UnauthenticatedError";
}

/** The caller may not do this. */
export class PermissionDeniedError extends CallboardError {
  override readonly name = "PermissionDeniedError";
}

/** The actor's handler answered with this status; code and reason are its own. */
export class HandlerError extends CallboardError {
  override readonly name = "HandlerError";
}

type Kind = new (cause: ConnectError, messageId?: string) => CallboardError;

const OF_REASON: Partial<Record<string, Kind>> = {
  UNAVAILABLE: UnavailableError,
  ASK_TIMEOUT: DeadlineExceededError,
  SEND_TIMEOUT: DeadlineExceededError,
  MESSAGE_CANCELLED: MessageCancelledError,
  INVALID_REQUEST: InvalidRequestError,
  PAYLOAD_TOO_LARGE: PayloadTooLargeError,
  ACTOR_NOT_DEPLOYED: NotDeployedError,
  DEAD_LETTERED: DeadLetteredError,
  MAILBOX_FULL: MailboxFullError,
  RATE_LIMITED: RateLimitedError,
  MESSAGE_ID_REUSED: MessageIdReusedError,
  UNAUTHENTICATED: UnauthenticatedError,
  PERMISSION_DENIED: PermissionDeniedError,
  INTERNAL_METHOD: PermissionDeniedError,
};

// Statuses that the way to the gateway makes, too: a proxy, the network, this client.
const OF_THE_WAY: Partial<Record<Code, Kind>> = {
  [Code.Canceled]: CancelledError,
  [Code.Unavailable]: UnavailableError,
  [Code.DeadlineExceeded]: DeadlineExceededError,
  [Code.Unauthenticated]: UnauthenticatedError,
  [Code.PermissionDenied]: PermissionDeniedError,
  [Code.Unknown]: CallboardError,
  [Code.Internal]: CallboardError,
  [Code.Unimplemented]: CallboardError,
  [Code.ResourceExhausted]: CallboardError,
};

/** The error that a status means. */
export function errorOf(status: ConnectError, messageId: string | undefined): CallboardError {
  return new (kindOf(status))(status, messageId);
}

/** The error of a call that somebody on this side has ended. */
export function cancelled(why: string, cause: unknown, messageId?: string): CancelledError {
  const status = new ConnectError(why, Code.Canceled, undefined, undefined, cause);
  return new CancelledError(status, messageId);
}

/** The error of a call that had no answer at its deadline. */
export function timedOut(messageId: string | undefined): DeadlineExceededError {
  const text = "no answer came before the deadline; the message may be stored";
  return new DeadlineExceededError(new ConnectError(text, Code.DeadlineExceeded), messageId);
}

function kindOf(status: ConnectError): Kind {
  const info = errorInfo(status);
  if (info?.domain === ERROR_DOMAIN) return OF_REASON[info.reason] ?? CallboardError;
  // A reason of another domain, or the receipt of a stored message, and it is the handler.
  if (info !== undefined || receiptIn(status.metadata) !== undefined) return HandlerError;
  const ofTheWay = OF_THE_WAY[status.code];
  if (ofTheWay !== undefined) return ofTheWay;
  // What this client makes itself has come with no headers.
  return status.metadata.keys().next().done === true ? CallboardError : HandlerError;
}

function errorInfo(status: ConnectError): ErrorInfo | undefined {
  return status.findDetails(ErrorInfoSchema)[0];
}

function ownMessageId(info: ErrorInfo | undefined): string | undefined {
  return info?.domain === ERROR_DOMAIN ? info.metadata.message_id : undefined;
}

function retryDelayMs(status: ConnectError): number | undefined {
  const delay = status.findDetails(RetryInfoSchema)[0]?.retryDelay;
  if (delay === undefined) return undefined;
  return Number(delay.seconds) * 1_000 + delay.nanos / 1_000_000;
}

function text(status: ConnectError, reason: string | undefined): string {
  const code = nameOf(status.code);
  return `${code}${reason === undefined ? "" : ` (${reason})`}: ${status.rawMessage}`;
}

/** A code as gRPC spells it, `NOT_FOUND`. */
export function nameOf(code: Code): string {
  if (code === Code.Canceled) return "CANCELLED";
  return Code[code].replace(/([a-z])([A-Z])/g, "$1_$2").toUpperCase();
}
