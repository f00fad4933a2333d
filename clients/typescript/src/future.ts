import { Gateway } from "../gen/callboard/v1/gateway_pb.js";
import type { Address } from "./address.js";
import type { Channel } from "./channel.js";
import type { Decode } from "./message.js";
import type { WaitOptions } from "./options.js";
import { withReceipt, type Receipt } from "./receipt.js";

/**
 * The reply to a message that was sent before, perhaps by another process. The actor
 * handles the message whether anybody waits or not; its reply is kept for 24 hours.
 */
export class Future<out R extends object> {
  /** The actor. */
  readonly address: Address;
  /** The id of the message. Store it to pick the future up elsewhere. */
  readonly messageId: string;
  /** What became of the message; `undefined` of a future that was picked up. */
  readonly receipt: Receipt | undefined;
  readonly #channel: Channel;
  readonly #jsonOfMethod: string;
  readonly #decode: Decode<R>;

  /** @internal */
  constructor(
    channel: Channel,
    address: Address,
    message: Receipt | string,
    jsonOfMethod: string,
    decode: Decode<R>,
  ) {
    this.#channel = channel;
    this.#jsonOfMethod = jsonOfMethod;
    this.#decode = decode;
    this.receipt = typeof message === "string" ? undefined : message;
    this.messageId = typeof message === "string" ? message : message.messageId;
    this.address = { ...address, key: this.receipt?.newKey ?? address.key };
  }

  /**
   * Waits for the reply, at most as long as for that to an ask. It can be called again,
   * after an error too. A signal ends this wait and nothing else.
   *
   * @throws {DeadlineExceededError} when there is no reply yet
   * @throws {CallboardError} as the ask would have
   */
  async result(options: WaitOptions = {}): Promise<R> {
    const { signal, timeoutMs = this.#channel.settings.askTimeoutMs } = options;
    const { address, messageId } = this;
    const request = { address, messageId, jsonOfMethod: this.#jsonOfMethod };
    const call = { signal, timeoutMs, messageId };
    const answer = await this.#channel.unary(Gateway.method.await, request, call);
    return withReceipt(this.#decode(answer.message.payload), this.receipt);
  }
}
