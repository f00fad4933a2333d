import type { RetryOptions } from "./retry.js";

/** How to connect: what is the same everywhere. */
export interface ClientOptions {
  /**
   * The bearer token, or a function that is called for each call, once for all its
   * attempts; the call waits for it, and fails with what it throws. The token goes into
   * the header `authorization`.
   */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** The API key. It goes into the header `callboard-api-key`. */
  readonly apiKey?: string | undefined;
  /**
   * How long an ask may take with its retries, in ms, if it says nothing itself: 1 to
   * 86,400,000. Default: 30,000.
   */
  readonly askTimeoutMs?: number | undefined;
  /** The same for a tell. Default: 10,000. */
  readonly tellTimeoutMs?: number | undefined;
  /** How calls are made again. `false`: never. */
  readonly retry?: RetryOptions | false | undefined;
}

/** What a wait may have besides. */
export interface WaitOptions {
  /** Ends the wait: the call fails with a `CancelledError`. It does not unsend. */
  readonly signal?: AbortSignal | undefined;
  /** How long the call may take with its retries, in ms: 1 to 86,400,000. */
  readonly timeoutMs?: number | undefined;
}

/** What a call may have besides. */
export interface CallOptions extends WaitOptions {
  /**
   * The message's id, 1 to 128 visible ASCII characters without `/`. Default: a new UUID
   * of version 7. What is sent to an actor again with the same id is handled once.
   */
  readonly messageId?: string | undefined;
}

/** When a message is delivered: at once, unless it says something else. */
export type Delivery =
  | {
      /** How much later, in ms: at most 366 days. */
      readonly delayMs?: number | undefined;
      readonly deliverAt?: undefined;
    }
  | {
      readonly delayMs?: undefined;
      /** At which time, at most 366 days from now; at once when it is over. */
      readonly deliverAt?: Date | undefined;
    };

/** What a tell may have besides. */
export type TellOptions = CallOptions & Delivery;

/** Options with all that has a default. */
export interface Settings {
  readonly token: ClientOptions["token"];
  readonly apiKey: string | undefined;
  readonly askTimeoutMs: number;
  readonly tellTimeoutMs: number;
  readonly retry: RetryOptions;
}

/** The longest deadline that the gateway keeps; a later one counts as this. */
export const TIMEOUT_MS_MAX = 86_400_000;

/**
 * The URL of a gateway.
 *
 * @throws {TypeError} when it is none
 */
export function urlOf(url: string | URL): string {
  const { href, protocol } = new URL(url);
  if (protocol === "http:" || protocol === "https:") return href.replace(/\/+$/, "");
  throw new TypeError(`${href} is no URL of a gateway: it begins with http:// or https://`);
}

export function settingsOf(options: ClientOptions): Settings {
  return {
    token: options.token,
    apiKey: options.apiKey,
    askTimeoutMs: options.askTimeoutMs ?? 30_000,
    tellTimeoutMs: options.tellTimeoutMs ?? 10_000,
    retry: options.retry === false ? { attempts: 1 } : (options.retry ?? {}),
  };
}
