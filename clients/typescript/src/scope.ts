/**
 * A signal of its own for each call. One for all would have a listener for each of them,
 * and Node.js takes eleven for a leak.
 */
export class Scope {
  readonly #controller = new AbortController();
  readonly #siblings: Set<Scope> | undefined;
  readonly #onEnd: () => void;

  constructor(caller: AbortSignal | undefined, onEnd: () => void) {
    this.#siblings = caller && scopesOf(caller).add(this);
    this.#onEnd = onEnd;
    if (caller?.aborted === true) this.abort(caller.reason);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /** Leaves nothing behind. */
  end(): void {
    this.#siblings?.delete(this);
    this.#onEnd();
  }
}

const scopes = new WeakMap<AbortSignal, Set<Scope>>();

/** Those that end with a caller's signal, which has one listener for all of them. */
function scopesOf(caller: AbortSignal): Set<Scope> {
  const known = scopes.get(caller);
  if (known !== undefined) return known;
  const all = new Set<Scope>();
  scopes.set(caller, all);
  caller.addEventListener("abort", () => {
    for (const scope of all) scope.abort(caller.reason);
  });
  return all;
}

/** Waits so long, in ms; shorter when a signal is aborted. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, Math.ceil(ms));
    if (signal.aborted) done();
    else signal.addEventListener("abort", done);
  });
}
