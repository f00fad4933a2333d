/** What both entries of the package have. */
export { Code } from "@connectrpc/connect";

export { address, type Address } from "./address.js";
export type { Actor, ActorMethod } from "./actor.js";
export type { AskResult, AskResults } from "./ask-many.js";
export type { Client } from "./client.js";
export {
  CallboardError,
  CancelledError,
  DeadLetteredError,
  DeadlineExceededError,
  ERROR_DOMAIN,
  HandlerError,
  InvalidRequestError,
  MailboxFullError,
  MessageCancelledError,
  MessageIdReusedError,
  NotDeployedError,
  PayloadTooLargeError,
  PermissionDeniedError,
  RateLimitedError,
  UnauthenticatedError,
  UnavailableError,
  type FieldViolation,
  type Reason,
} from "./errors.js";
export type { Future } from "./future.js";
export { key, type KeyPart } from "./key.js";
export type { Message, Payload, ReplyTo } from "./message.js";
export { newMessageId } from "./message-id.js";
export type { CallOptions, ClientOptions, Delivery, TellOptions, WaitOptions } from "./options.js";
export { receiptOf, type Receipt } from "./receipt.js";
export type { RetryOptions } from "./retry.js";
