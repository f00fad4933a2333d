import { Code } from "@connectrpc/connect";

import type { CallboardError } from "./errors.js";

/** How a call is made again that failed for now. */
export interface RetryOptions {
  /** The most attempts, the first one included, from 1: that is never again. Default: 5. */
  readonly attempts?: number | undefined;
  /** The wait before the second attempt is at most so long, in ms. Default: 100. */
  readonly baseMs?: number | undefined;
  /** By how much the longest possible wait grows with each attempt. Default: 2. */
  readonly factor?: number | undefined;
  /** No wait is longer, in ms, but one that the gateway asks for. Default: 2,000. */
  readonly capMs?: number | undefined;
}

/** By how much more than the gateway asks for a wait may last, so that not all come back at once. */
const SPREAD = 0.2;

/** When to make a call again. */
export class Retry {
  readonly #attempts: number;
  readonly #baseMs: number;
  readonly #factor: number;
  readonly #capMs: number;

  constructor(options: RetryOptions = {}) {
    this.#attempts = options.attempts ?? 5;
    this.#baseMs = options.baseMs ?? 100;
    this.#factor = options.factor ?? 2;
    this.#capMs = options.capMs ?? 2_000;
  }

  /**
   * How long to wait after so many attempts of which the last one failed so, in ms;
   * `undefined` when it is not to be made again. `random` is from 0 to 1.
   */
  waitMs(attempts: number, error: CallboardError, random: number): number | undefined {
    if (attempts >= this.#attempts || !mayBeRepeated(error)) return undefined;
    if (error.retryDelayMs !== undefined) return error.retryDelayMs * (1 + SPREAD * random);
    return random * Math.min(this.#capMs, this.#baseMs * this.#factor ** (attempts - 1));
  }
}

function mayBeRepeated({ code, retryDelayMs }: CallboardError): boolean {
  if (code === Code.DeadlineExceeded) return false;
  return code === Code.Unavailable || retryDelayMs !== undefined;
}
