/** What a stream of tells has sent, and what it has yet to send. */
import type { MessageInitShape } from "@bufbuild/protobuf";

import type { TellStreamRequestSchema } from "../gen/callboard/v1/gateway_pb.js";
import type { CallboardError } from "./errors.js";
import type { Message } from "./message.js";
import type { Delivery } from "./options.js";
import type { Receipt } from "./receipt.js";

/** A message that has no receipt yet. */
export class Entry {
  readonly receipt: Promise<Receipt>;
  readonly resolve!: (receipt: Receipt) => void;
  readonly reject!: (error: CallboardError) => void;
  /** Whether somebody looks at what becomes of it. */
  isSeen = false;

  constructor(
    readonly message: Message<object>,
    readonly delivery: Delivery,
    /** The trace in which it was told. */
    readonly trace: Record<string, string>,
    /** When it is too old, by `performance.now()`. */
    readonly until: number,
  ) {
    this.receipt = new Promise((resolve, reject) => {
      Object.assign(this, { resolve, reject });
    });
    // An error that nobody looks at comes from closing the stream.
    this.receipt.catch(() => undefined);
  }
}

type Request = MessageInitShape<typeof TellStreamRequestSchema>;

/** The requests of one call: all that is open, and what is given while it lasts. */
export class Requests implements AsyncIterableIterator<Request> {
  readonly #open: Entry[];
  readonly #isLast: () => boolean;
  /** How many of the open ones this call has sent. */
  #sent = 0;
  #hasEnded = false;
  #wake: () => void = () => undefined;

  constructor(open: Entry[], isLast: () => boolean) {
    this.#open = open;
    this.#isLast = isLast;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Request>> {
    for (;;) {
      if (this.#hasEnded) return { done: true, value: undefined };
      const entry = this.#open[this.#sent];
      if (entry !== undefined) {
        this.#sent++;
        const tell = entry.message.encodeTell(entry.delivery, entry.trace);
        return { done: false, value: { tell } };
      }
      if (this.#isLast()) return { done: true, value: undefined };
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  return(): Promise<IteratorResult<Request>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  // Connect calls it when the call has failed, which is told elsewhere.
  throw(): Promise<IteratorResult<Request>> {
    return this.return();
  }

  /** Looks again whether there is something to send. */
  wake(): void {
    this.#wake();
  }

  /** Sends nothing any more. */
  end(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  /** The message that a receipt is for, which is open no more. */
  answered(): Entry | undefined {
    if (this.#sent === 0) return undefined;
    this.#sent--;
    return this.#open.shift();
  }
}
