import type {
  DescMessage,
  DescMethodStreaming,
  DescMethodUnary,
  MessageInitShape,
} from "@bufbuild/protobuf";
import type { StreamResponse, Transport, UnaryResponse } from "@connectrpc/connect";

import { statusOf } from "./connection.js";
import { cancelled, errorOf, timedOut, type CallboardError } from "./errors.js";
import { TIMEOUT_MS_MAX, type Settings } from "./options.js";
import { Retry } from "./retry.js";
import { Scope, sleep } from "./scope.js";
import { traceHeaders } from "./trace.js";

/** What calls go over. */
export interface Connection {
  /** For calls with one answer. */
  readonly unary: Transport;
  /** For calls with several. */
  readonly streaming: Transport;
  /** Lets go of it, when no call is open any more. */
  release(): void;
}

/** What one call needs. */
export interface Call {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly messageId?: string | undefined;
  readonly headers?: Headers;
}

/** Headers as Connect takes them. */
export type Headers = [name: string, value: string][];

/** One attempt at a call. */
export interface Attempt {
  readonly headers: Headers;
  readonly signal: AbortSignal;
  /** How long it may take, in whole ms. */
  readonly timeoutMs: number;
}

/** Why open calls are ended that have had their moment. */
const CLOSED = new Error("the client was closed");

/**
 * Makes calls: with credentials and trace context, within a deadline, again when that
 * helps, and none after it is closed.
 */
export class Channel {
  readonly settings: Settings;
  readonly retry: Retry;
  /** What to do when the channel is closed and nothing is to be begun any more. */
  readonly whenClosing = new Set<() => void>();
  readonly #connection: Connection;
  readonly #scopes = new Set<Scope>();
  readonly #open = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;
  #isOver = false;

  constructor(connection: Connection, settings: Settings) {
    this.#connection = connection;
    this.settings = settings;
    this.retry = new Retry(settings.retry);
  }

  /** Whether nothing is begun any more. */
  get isClosing(): boolean {
    return this.#closed !== undefined;
  }

  /** Whether open calls have had their moment after that. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Calls a method with one answer.
   *
   * @throws {CallboardError}
   */
  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    call: Call,
  ): Promise<UnaryResponse<I, O>> {
    return this.run(call, ({ signal, timeoutMs, headers }) =>
      this.#connection.unary.unary(method, signal, timeoutMs, headers, request),
    );
  }

  /** Makes one attempt at a method with several answers. */
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    requests: AsyncIterable<MessageInitShape<I>>,
    { signal, timeoutMs, headers }: Omit<Attempt, "timeoutMs"> & { timeoutMs?: number },
  ): Promise<StreamResponse<I, O>> {
    return this.#connection.streaming.stream(method, signal, timeoutMs, headers, requests);
  }

  /**
   * Makes a call: attempts, until one succeeds or there is to be none any more.
   *
   * @throws {CallboardError}
   */
  run<T>(call: Call, attempt: (attempt: Attempt) => Promise<T>): Promise<T> {
    if (this.isClosing) return Promise.reject(this.isClosed(call.messageId));
    return this.track(this.#attempts(call, attempt));
  }

  /** Counts work as open, so that closing waits for it. */
  track<T>(work: Promise<T>): Promise<T> {
    const open = work.finally(() => this.#open.delete(open));
    this.#open.add(open);
    return open;
  }

  /** Credentials, as they are now. */
  async credentials(): Promise<Headers> {
    const headers: Headers = [];
    const { token, apiKey } = this.settings;
    if (token !== undefined) {
      const bearer = typeof token === "string" ? token : await token();
      headers.push(["authorization", `Bearer ${bearer}`]);
    }
    if (apiKey !== undefined) headers.push(["callboard-api-key", apiKey]);
    return headers;
  }

  /** The error of what is begun after the channel was closed. */
  isClosed(messageId: string | undefined): CallboardError {
    return cancelled("the client or the stream is closed", undefined, messageId);
  }

  /**
   * Begins no call any more, gives open ones so long, in ms, ends those that are left,
   * and lets go of the connection.
   */
  close(graceMs: number): Promise<void> {
    this.#closed ??= this.#close(graceMs);
    return this.#closed;
  }

  async #close(graceMs: number): Promise<void> {
    for (const close of this.whenClosing) close();
    const over = setTimeout(() => {
      this.#isOver = true;
      for (const scope of this.#scopes) scope.abort(CLOSED);
    }, graceMs);
    await Promise.allSettled(this.#open);
    clearTimeout(over);
    this.#connection.release();
  }

  /** What something lasts for: until its caller gives up, or the channel is over. */
  scope(caller?: AbortSignal): Scope {
    const scope = new Scope(caller, () => this.#scopes.delete(scope));
    this.#scopes.add(scope);
    if (this.#isOver) scope.abort(CLOSED);
    return scope;
  }

  async #attempts<T>(call: Call, attempt: (attempt: Attempt) => Promise<T>): Promise<T> {
    const timeoutMs = Math.min(call.timeoutMs, TIMEOUT_MS_MAX);
    const until = performance.now() + timeoutMs;
    const trace = traceHeaders();
    const headers = [...trace, ...(await this.credentials()), ...(call.headers ?? [])];
    const scope = this.scope(call.signal);
    const { signal } = scope;
    try {
      for (let attempts = 1; ; attempts++) {
        const leftMs = Math.ceil(until - performance.now());
        // Not a number is no time, either.
        if (!(leftMs > 0)) throw timedOut(call.messageId);
        try {
          return await attempt({ headers, signal, timeoutMs: leftMs });
        } catch (cause) {
          const error = this.errorOf(cause, signal, call.messageId);
          const waitMs = signal.aborted
            ? undefined
            : this.retry.waitMs(attempts, error, Math.random());
          if (waitMs === undefined || performance.now() + waitMs >= until) throw error;
          await sleep(waitMs, signal);
        }
      }
    } finally {
      scope.end();
    }
  }

  /** The error of an attempt. */
  errorOf(cause: unknown, signal: AbortSignal, messageId: string | undefined): CallboardError {
    if (!signal.aborted) return errorOf(statusOf(cause), messageId);
    const why = this.#isOver ? "the client was closed" : "the caller gave up";
    return cancelled(`${why}; the message may be stored`, signal.reason, messageId);
  }
}
