/**
 * The trace context of the caller, from OpenTelemetry where a program uses it.
 *
 * `@opentelemetry/api` is not imported: most programs have none, and a bundler stops at
 * an import that it does not find. All copies of the API's version 1 in a program meet
 * at one global, and so does this.
 */
const API = Symbol.for("opentelemetry.js.api.1");

interface Api {
  readonly context?: { active(): unknown };
  readonly propagation?: {
    inject(context: unknown, carrier: Carrier, setter: typeof SETTER): void;
  };
}

type Carrier = [name: string, value: string][];

const SETTER = {
  set(carrier: Carrier, name: string, value: string): void {
    carrier.push([name, value]);
  },
};

/** The most bytes of names and values that the headers of a message may have. */
const HEADER_BYTES_MAX = 8 * 1024;

/**
 * The trace context as headers of a message. The gateway refuses a message with more than
 * fits, so that loses the trace, and not the message.
 */
export function messageHeaders(): Record<string, string> {
  const found = new Map(traceHeaders());
  const headers: Record<string, string> = {};
  let room = HEADER_BYTES_MAX;
  for (const name of ["traceparent", "tracestate", "baggage"]) {
    const value = found.get(name);
    if (value === undefined || name.length + value.length > room) continue;
    headers[name] = value;
    room -= name.length + value.length;
  }
  return headers;
}

/** `traceparent` and its like, as the program's propagator writes them. */
export function traceHeaders(): Carrier {
  const api = (globalThis as { [API]?: Api })[API];
  const headers: Carrier = [];
  if (api?.context !== undefined) api.propagation?.inject(api.context.active(), headers, SETTER);
  return headers;
}
