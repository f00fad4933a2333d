import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type JsonObject,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { durationFromMs, timestampFromDate } from "@bufbuild/protobuf/wkt";

import type {
  AskResponse,
  MessageSchema,
  Message as Sent,
  TellRequest,
  TellRequestSchema,
} from "../gen/callboard/v1/gateway_pb.js";
import type { Address } from "./address.js";
import { newMessageId } from "./message-id.js";
import type { Delivery } from "./options.js";

/**
 * A message to an actor that can be sent with others, by `askMany` and `tellStream`.
 * It has its id from the beginning, so the same object sent again is handled once. `R`
 * is the reply to it.
 */
export class Message<out R extends object> {
  /** The actor. */
  readonly address: Address;
  /** The name of its method, as in the `.proto` file: `Deposit`. */
  readonly method: string;
  /** The message's id. */
  readonly messageId: string;
  readonly #payload: Sent["payload"];
  readonly #decode: Decode<R>;

  /** @internal */
  constructor(
    address: Address,
    method: string,
    messageId: string | undefined,
    payload: Sent["payload"],
    decode: Decode<R>,
  ) {
    this.address = address;
    this.method = method;
    this.messageId = messageId ?? newMessageId();
    this.#payload = payload;
    this.#decode = decode;
  }

  /** @internal */
  encode(): MessageInitShape<typeof MessageSchema> {
    const { address, method, messageId } = this;
    return { address, method, messageId, payload: this.#payload };
  }

  /** @internal */
  encodeTell(
    options: Delivery,
    headers: Record<string, string> = {},
  ): MessageInitShape<typeof TellRequestSchema> {
    return { message: { ...this.encode(), headers }, delivery: delivery(options) };
  }

  /** @internal */
  decode(reply: ReplyPayload): R {
    return this.#decode(reply);
  }
}

/** The payload of a reply, as calls by name have it. */
export type ReplyPayload = AskResponse["payload"];

/** Reads a reply. */
export type Decode<R extends object> = (payload: ReplyPayload) => R;

/** A request without a stub: protobuf's JSON, or its encoding. */
export type Payload = JsonObject | Uint8Array;

/** The reply to it is of the same kind. */
export type ReplyTo<P extends Payload> = P extends Uint8Array ? Uint8Array : JsonObject;

/** The request of a method whose types are known. */
export function typedPayload<I extends DescMessage>(
  schema: I,
  request: MessageInitShape<I>,
): Sent["payload"] {
  return { case: "encoded", value: toBinary(schema, create(schema, request)) };
}

/** Reads the reply of a method whose types are known. */
export function typedReply<O extends DescMessage>(schema: O): Decode<MessageShape<O>> {
  return (payload) => fromBinary(schema, bytes(payload));
}

/** A request without a stub. */
export function untypedPayload(payload: Payload): Sent["payload"] {
  return payload instanceof Uint8Array
    ? { case: "encoded", value: payload }
    : { case: "json", value: JSON.stringify(payload) };
}

/** Reads a reply in JSON. */
export function json(payload: ReplyPayload): JsonObject {
  return payload.case === "json" ? (JSON.parse(payload.value) as JsonObject) : {};
}

/** Reads a reply in protobuf's encoding. */
export function bytes(payload: ReplyPayload): Uint8Array {
  return payload.case === "encoded" ? payload.value : new Uint8Array();
}

function delivery({ delayMs, deliverAt }: Delivery): TellRequest["delivery"] {
  if (delayMs !== undefined) return { case: "delay", value: durationFromMs(Math.round(delayMs)) };
  if (deliverAt !== undefined) return { case: "deliverAt", value: timestampFromDate(deliverAt) };
  return { case: undefined };
}
