import {
  create,
  getOption,
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";

import { handler, type HandlerOptions } from "../gen/callboard/v1/options_pb.js";
import { address } from "./address.js";
import * as byName from "./by-name.js";
import type { Channel, Headers } from "./channel.js";
import { Future } from "./future.js";
import { Message, typedPayload, typedReply } from "./message.js";
import { newMessageId } from "./message-id.js";
import type { CallOptions, Delivery, TellOptions } from "./options.js";
import { receiptIn, receiptTold, withReceipt, type Receipt } from "./receipt.js";

/** One actor: the methods of its service, in camel case. */
export type Actor<S extends DescService> = {
  readonly [M in keyof S["method"]]: S["method"][M] extends DescMethodUnary<infer I, infer O>
    ? ActorMethod<I, O>
    : never;
};

/**
 * A method of an actor. Call it to wait for its response: an ask has the handler's
 * reply, a tell is answered when it is durable.
 */
export interface ActorMethod<I extends DescMessage, O extends DescMessage> {
  /** @throws {CallboardError} */
  (request: MessageInitShape<I>, options?: CallOptions): Promise<MessageShape<O>>;
  /**
   * Sends the message, and waits until it is durable and no longer; now, or to be
   * delivered later. Not for read-only methods.
   *
   * @throws {CallboardError}
   */
  tell(request: MessageInitShape<I>, options?: TellOptions): Promise<Receipt>;
  /**
   * As `tell`, and gives the future of the reply.
   *
   * @throws {CallboardError}
   */
  start(request: MessageInitShape<I>, options?: TellOptions): Promise<Future<MessageShape<O>>>;
  /** The future of a message that was sent before, perhaps by another process. */
  pickUp(messageId: string): Future<MessageShape<O>>;
  /** A message for `askMany` and `tellStream`. Sends nothing. */
  message(
    request: MessageInitShape<I>,
    options?: Pick<CallOptions, "messageId">,
  ): Message<MessageShape<O>>;
}

/** The methods of a service, for the actor with a key; an empty one is in the requests. */
export function actor<S extends DescService>(channel: Channel, service: S, key: string): Actor<S> {
  const methods: Record<string, unknown> = {};
  for (const method of service.methods) {
    if (isUnary(method)) methods[method.localName] = bound(channel, method, key);
  }
  return methods as Actor<S>;
}

/** No actor has methods with streams. */
function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === "unary";
}

function bound<I extends DescMessage, O extends DescMessage>(
  channel: Channel,
  method: DescMethodUnary<I, O>,
  key: string,
): ActorMethod<I, O> {
  const target = { channel, method, key };
  const pickUp = (message: Receipt | string): Future<MessageShape<O>> =>
    new Future(channel, address(method.parent, key), message, "", typedReply(method.output));
  return Object.assign(
    (request: MessageInitShape<I>, options: CallOptions = {}) => call(target, request, options),
    {
      tell: (request: MessageInitShape<I>, options: TellOptions = {}) =>
        tell(target, request, options),
      start: async (request: MessageInitShape<I>, options: TellOptions = {}) =>
        pickUp(await tell(target, request, options)),
      pickUp,
      message: (request: MessageInitShape<I>, options: CallOptions = {}) =>
        message(target, request, options.messageId),
    },
  );
}

/** A method of one actor. */
interface Target<I extends DescMessage, O extends DescMessage> {
  readonly channel: Channel;
  readonly method: DescMethodUnary<I, O>;
  readonly key: string;
}

async function call<I extends DescMessage, O extends DescMessage>(
  target: Target<I, O>,
  request: MessageInitShape<I>,
  options: CallOptions,
): Promise<MessageShape<O>> {
  const { channel, method, key } = target;
  const { tell, readOnly } = optionsOf(method);
  const { askTimeoutMs, tellTimeoutMs } = channel.settings;
  const { signal, timeoutMs = tell ? tellTimeoutMs : askTimeoutMs } = options;
  // What is read-only is no message.
  const messageId = options.messageId ?? (readOnly ? undefined : newMessageId());
  if (!areHeaders(key, messageId)) {
    const named = message(target, request, messageId);
    if (!tell) return byName.ask(channel, named, { signal, timeoutMs });
    const receipt = await byName.tell(channel, named, { signal, timeoutMs });
    return withReceipt(create(method.output), receipt);
  }
  const headers = headersOf(key, messageId);
  const answer = await channel.unary(method, request, { signal, timeoutMs, messageId, headers });
  return withReceipt(answer.message, receiptIn(answer.header));
}

async function tell<I extends DescMessage, O extends DescMessage>(
  target: Target<I, O>,
  request: MessageInitShape<I>,
  options: TellOptions,
): Promise<Receipt> {
  const { channel, method, key } = target;
  const { messageId = newMessageId() } = options;
  if (!areHeaders(key, messageId)) {
    return byName.tell(channel, message(target, request, messageId), options);
  }
  const { signal, timeoutMs = channel.settings.tellTimeoutMs } = options;
  const headers = headersOf(key, messageId);
  if (!optionsOf(method).tell) headers.push(["callboard-mode", "tell"]);
  headers.push(...deliveryHeaders(options));
  const answer = await channel.unary(method, request, { signal, timeoutMs, messageId, headers });
  return receiptIn(answer.header) ?? receiptTold(undefined, messageId);
}

function message<I extends DescMessage, O extends DescMessage>(
  { method, key }: Target<I, O>,
  request: MessageInitShape<I>,
  messageId: string | undefined,
): Message<MessageShape<O>> {
  const payload = typedPayload(method.input, request);
  const to = address(method.parent, key);
  return new Message(to, method.name, messageId, payload, typedReply(method.output));
}

// To read an option is to decode it.
const options = new WeakMap<DescMethod, HandlerOptions>();

function optionsOf(method: DescMethod): HandlerOptions {
  const known = options.get(method) ?? getOption(method, handler);
  options.set(method, known);
  return known;
}

/**
 * Whether texts arrive as they are in headers: visible ASCII, and no space at an end.
 * What does not goes by name, where a text is a text.
 */
function areHeaders(...texts: (string | undefined)[]): boolean {
  return texts.every((text) => !text || /^[!-~](?:[ -~]*[!-~])?$/.test(text));
}

function headersOf(key: string, messageId: string | undefined): Headers {
  const headers: Headers = [];
  if (key !== "") headers.push(["callboard-key", key]);
  if (messageId !== undefined) headers.push(["callboard-message-id", messageId]);
  return headers;
}

function deliveryHeaders({ delayMs, deliverAt }: Delivery): Headers {
  const headers: Headers = [];
  if (delayMs !== undefined) headers.push(["callboard-delay", `${String(Math.round(delayMs))}ms`]);
  if (deliverAt !== undefined) headers.push(["callboard-deliver-at", deliverAt.toISOString()]);
  return headers;
}
