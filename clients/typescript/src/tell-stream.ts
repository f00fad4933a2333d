/// <reference lib="esnext.disposable" preserve="true" />
import { Code, ConnectError } from "@connectrpc/connect";

import { Gateway } from "../gen/callboard/v1/gateway_pb.js";
import type { Channel } from "./channel.js";
import { errorOf, timedOut, type CallboardError } from "./errors.js";
import type { Message } from "./message.js";
import { TIMEOUT_MS_MAX, type Delivery } from "./options.js";
import { receiptTold, type Receipt } from "./receipt.js";
import { sleep } from "./scope.js";
import { Entry, Requests } from "./tell-requests.js";
import { messageHeaders } from "./trace.js";

/** The most messages of a stream that have no receipt yet. The gateway reads no more. */
const WINDOW = 64;

/** A message that was given to a stream. */
export interface SentMessage {
  /** The message's id. */
  readonly messageId: string;
  /**
   * What became of the message, when it is durable.
   *
   * @throws {CallboardError} when it was refused, or could not be sent in time
   */
  receipt(): Promise<Receipt>;
}

/** How to open a stream. */
export interface TellStreamOptions {
  /**
   * How long a message may wait for its receipt, in ms, with all attempts to send it.
   * Default: that of a tell.
   */
  readonly timeoutMs?: number | undefined;
}

/**
 * Tells one after the other without a wait for each; those to one actor are handled in
 * the order in which they were given. When the connection breaks, what has no receipt is
 * sent again, in order and with the same ids. A message that is refused fails alone.
 */
export class TellStream {
  readonly #channel: Channel;
  readonly #timeoutMs: number;
  readonly #finish = (): void => {
    this.#isClosed = true;
    this.#requests?.wake();
  };
  /** What has no receipt yet, in order. */
  readonly #open: Entry[] = [];
  /** Who waits for room, in order. */
  readonly #waiting: (() => void)[] = [];
  /** How many places of the window are taken, by what is open and by who was let in. */
  #taken = 0;
  /** How many messages were given and are not open yet. */
  #given = 0;
  /** Set while a call is made, or is about to be made again. */
  #sending: Promise<void> | undefined;
  /** The requests of the call that is made now. */
  #requests: Requests | undefined;
  #unseen: CallboardError | undefined;
  #isClosed = false;

  /** @internal */
  constructor(channel: Channel, { timeoutMs }: TellStreamOptions) {
    this.#channel = channel;
    this.#timeoutMs = Math.min(timeoutMs ?? channel.settings.tellTimeoutMs, TIMEOUT_MS_MAX);
    channel.whenClosing.add(this.#finish);
  }

  /**
   * Sends a message, once less than 64 have no receipt. Wait for it before you give the
   * next one, or what you give piles up in memory.
   *
   * @throws {CancelledError} when the stream or its client is closed
   */
  async tell(message: Message<object>, delivery: Delivery = {}): Promise<SentMessage> {
    const { messageId } = message;
    if (this.#isClosed || this.#channel.isClosing) throw this.#channel.isClosed(messageId);
    const trace = messageHeaders();
    this.#given++;
    if (this.#taken < WINDOW) this.#taken++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#given--;
    const entry = new Entry(message, delivery, trace, performance.now() + this.#timeoutMs);
    this.#open.push(entry);
    this.#requests?.wake();
    this.#sending ??= this.#channel.track(this.#send());
    return {
      messageId,
      receipt: () => {
        entry.isSeen = true;
        if (this.#unseen?.messageId === messageId) this.#unseen = undefined;
        return entry.receipt;
      },
    };
  }

  /**
   * Takes no message any more, and waits until each has its receipt or its error.
   *
   * @throws {CallboardError} an error whose `receipt()` nobody has asked for
   */
  async close(): Promise<void> {
    this.#finish();
    await this.#sending;
    this.#channel.whenClosing.delete(this.#finish);
    const unseen = this.#unseen;
    this.#unseen = undefined;
    if (unseen !== undefined) throw unseen;
  }

  /** For `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Makes calls until nothing is left to send and the last call has ended. */
  async #send(): Promise<void> {
    // Those since the last receipt, which shows that the gateway is there.
    let attempts = 0;
    while (this.#open.length + this.#given > 0) {
      attempts++;
      const error = await this.#call(() => (attempts = 1));
      if (this.#channel.isOver) {
        const why = this.#channel.isClosed(undefined);
        while (this.#open.length > 0) this.#fail((id) => why.of(id));
      }
      if (error === undefined || this.#open.length === 0) continue;
      const waitMs = this.#channel.retry.waitMs(attempts, error, Math.random());
      if (waitMs !== undefined) {
        const scope = this.#channel.scope();
        await sleep(Math.min(waitMs, this.#leftMs()), scope.signal);
        scope.end();
        this.#expire();
        continue;
      }
      attempts = 0;
      // Nobody is there for any of them; or it is the first one that was refused.
      const failed = error.code === Code.Unavailable ? this.#open.length : 1;
      for (let n = 0; n < failed; n++) this.#fail((id) => error.of(id));
    }
    this.#sending = undefined;
  }

  /** Makes one call, and tells why it ended; nothing if there is nothing wrong with it. */
  async #call(onReceipt: () => void): Promise<CallboardError | undefined> {
    const scope = this.#channel.scope();
    const { signal } = scope;
    const tooOld = new Error("no receipt came in time");
    const isLast = (): boolean => this.#isClosed && this.#given === 0;
    const requests = new Requests(this.#open, isLast);
    this.#requests = requests;
    const watch = (): void => {
      // A gateway that does not end what has no more to say is not waited for, either.
      const isDone = isLast() && this.#open.length === 0;
      if (this.#expire() || isDone) scope.abort(tooOld);
      else timer = setTimeout(watch, this.#leftMs());
    };
    let timer = setTimeout(watch, this.#leftMs());
    try {
      const headers = await this.#channel.credentials();
      const call = { headers, signal };
      const answers = await this.#channel.stream(Gateway.method.tellStream, requests, call);
      for await (const { receipt } of answers.message) {
        // Receipts are told apart by their order, which is lost with a message that is
        // given up.
        signal.throwIfAborted();
        const entry = requests.answered();
        if (entry === undefined) throw new ConnectError("a receipt of no message", Code.Internal);
        onReceipt();
        this.#leave();
        entry.resolve(receiptTold(receipt, entry.message.messageId));
      }
      if (this.#open.length === 0) return undefined;
      const early = new ConnectError("the stream ended before the last receipt", Code.Unavailable);
      return errorOf(early, undefined);
    } catch (cause) {
      // What it was ended for is told already.
      if (signal.reason === tooOld) return undefined;
      return this.#channel.errorOf(cause, signal, undefined);
    } finally {
      clearTimeout(timer);
      requests.end();
      scope.abort(new Error("the call has ended"));
      scope.end();
      this.#requests = undefined;
    }
  }

  /** How long until the first message is too old, in ms. */
  #leftMs(): number {
    const until = this.#open[0]?.until;
    return until === undefined ? this.#timeoutMs : Math.max(1, until - performance.now());
  }

  /** Fails what is too old, and tells whether anything was. */
  #expire(): boolean {
    const now = performance.now();
    let isAny = false;
    while ((this.#open[0]?.until ?? Infinity) <= now) {
      this.#fail(timedOut);
      isAny = true;
    }
    return isAny;
  }

  /** Fails the first of the open messages. */
  #fail(errorFor: (messageId: string) => CallboardError): void {
    const entry = this.#open.shift();
    if (entry === undefined) return;
    this.#leave();
    const error = errorFor(entry.message.messageId);
    if (!entry.isSeen) this.#unseen ??= error;
    entry.reject(error);
  }

  /** Gives the place of a message to who waits longest. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken--;
    else next();
  }
}
