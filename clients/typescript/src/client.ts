/// <reference lib="esnext.disposable" preserve="true" />
import type { DescService, JsonObject } from "@bufbuild/protobuf";

import { Gateway } from "../gen/callboard/v1/gateway_pb.js";
import { actor, type Actor } from "./actor.js";
import type { Address } from "./address.js";
import { askMany, type AskResults } from "./ask-many.js";
import * as byName from "./by-name.js";
import type { Channel } from "./channel.js";
import { Future } from "./future.js";
import { bytes, json, Message, untypedPayload } from "./message.js";
import type { Decode, Payload, ReplyTo } from "./message.js";
import type { CallOptions, TellOptions, WaitOptions } from "./options.js";
import type { Receipt } from "./receipt.js";

/**
 * A client of Callboard. Make one with `connect`, and share it: all calls go over the
 * same connection, which is made with the first one, and made anew when it broke.
 *
 * What fails rejects with a {@link CallboardError}. UNAVAILABLE, and whatever the gateway
 * says may be sent again, has been sent again by then, with the same message id.
 */
export class Client {
  /** @internal */
  protected readonly channel: Channel;

  /** @internal */
  constructor(channel: Channel) {
    this.channel = channel;
  }

  /**
   * An actor, with the service that `protoc-gen-es` makes from your `.proto` file:
   *
   * ```ts
   * const alice = client.actor(Counter, "alice");
   * const { value } = await alice.add({ delta: 5n });
   * ```
   *
   * The gateway puts the key into the key fields of each request. Make one of several
   * parts with `key("eu", "alice")`. Without a key the requests have it themselves, or
   * the method makes a new actor. It costs next to nothing, and sends nothing.
   */
  actor<S extends DescService>(service: S, key = ""): Actor<S> {
    return actor(this.channel, service, key);
  }

  /**
   * Asks without a stub: by name, in protobuf's JSON or in its encoding. The reply comes
   * in the same.
   *
   * @throws {CallboardError}
   */
  async ask<P extends Payload>(
    address: Address,
    method: string,
    payload: P,
    options: CallOptions = {},
  ): Promise<ReplyTo<P>> {
    const message = this.message(address, method, payload, options);
    return byName.ask(this.channel, message, options);
  }

  /**
   * Tells without a stub: waits until the message is durable. It may be to an ask.
   *
   * @throws {CallboardError}
   */
  async tell(
    address: Address,
    method: string,
    payload: Payload,
    options: TellOptions = {},
  ): Promise<Receipt> {
    const message = this.message(address, method, payload, options);
    return byName.tell(this.channel, message, options);
  }

  /**
   * As {@link tell}, and gives the future of the reply.
   *
   * @throws {CallboardError}
   */
  async start<P extends Payload>(
    address: Address,
    method: string,
    payload: P,
    options: TellOptions = {},
  ): Promise<Future<ReplyTo<P>>> {
    const receipt = await this.tell(address, method, payload, options);
    const jsonOfMethod = payload instanceof Uint8Array ? "" : method;
    return new Future(this.channel, address, receipt, jsonOfMethod, decodeAs(payload));
  }

  /**
   * The future of a message that was sent before, perhaps by another process, without a
   * stub: its reply comes in protobuf's JSON.
   */
  pickUp(address: Address, method: string, messageId: string): Future<JsonObject> {
    return new Future(this.channel, address, messageId, method, json);
  }

  /** A message without a stub, for {@link askMany} and for streams. Sends nothing. */
  message<P extends Payload>(
    address: Address,
    method: string,
    payload: P,
    options: Pick<CallOptions, "messageId"> = {},
  ): Message<ReplyTo<P>> {
    const encoded = untypedPayload(payload);
    return new Message(address, method, options.messageId, encoded, decodeAs(payload));
  }

  /**
   * Asks 1 to 100 at once, 4 MiB together, with one deadline, by default that of an ask:
   *
   * ```ts
   * const asks = keys.map((key) => client.actor(Counter, key).get.message({}));
   * for (const result of await client.askMany(asks, { timeoutMs: 2_000 })) {
   *   if (result.status === "fulfilled") console.log(result.value.value);
   * }
   * ```
   *
   * The results are in the order of the asks. What has none at the deadline has a
   * `DeadlineExceededError` with its message id, and so has each other ask its own
   * error: it is the results that fail, not the call.
   */
  async askMany<const M extends readonly Message<object>[]>(
    messages: M,
    options: WaitOptions = {},
  ): Promise<AskResults<M>> {
    return (await askMany(this.channel, messages, options)) as unknown as AskResults<M>;
  }

  /**
   * Cancels a delayed message that is not yet due. `false`: there is none of this id; it
   * is delivered, or cancelled, or was never sent. The default deadline is that of a tell.
   *
   * @throws {CallboardError}
   */
  async cancel(address: Address, messageId: string, options: WaitOptions = {}): Promise<boolean> {
    const { signal, timeoutMs = this.channel.settings.tellTimeoutMs } = options;
    const call = { signal, timeoutMs, messageId };
    const answer = await this.channel.unary(Gateway.method.cancel, { address, messageId }, call);
    return answer.message.cancelled;
  }

  /**
   * Closes the client: it begins no call any more, gives those that are open `graceMs`
   * (default: 5,000) to end, and lets those that are left fail with a `CancelledError`.
   * Once is enough; more does no harm.
   */
  close({ graceMs = 5_000 }: { readonly graceMs?: number | undefined } = {}): Promise<void> {
    return this.channel.close(graceMs);
  }

  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function decodeAs<P extends Payload>(payload: P): Decode<ReplyTo<P>> {
  return (payload instanceof Uint8Array ? bytes : json) as Decode<ReplyTo<P>>;
}
