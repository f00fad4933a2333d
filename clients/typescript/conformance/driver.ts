/**
 * What the conformance cases are played against: reads operations and writes answers,
 * as lines of JSON. conformance/README.md has what they look like. With `grpc-web` or
 * `connect` as its argument it calls as a browser does.
 */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { fromJson, toJson, type DescMethodUnary, type JsonObject } from "@bufbuild/protobuf";
import { context, propagation, ROOT_CONTEXT } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from "@opentelemetry/core";

import { nameOf } from "../src/errors.js";
import * as callboard from "../src/node.js";
import { CallboardError, receiptOf, type Receipt } from "../src/node.js";
import * as web from "../src/web.js";
import { Interpreter } from "./gen/conformance_pb.js";

/** What an operation may say; each has some of it. */
interface Args {
  url: string;
  ask_timeout_ms?: number;
  tell_timeout_ms?: number;
  retry_attempts?: number;
  retry_base_ms?: number;
  retry_cap_ms?: number;
  token?: string;
  api_key?: string;
  ca_file?: string;
  cert_file?: string;
  key_file?: string;
  via?: "typed" | "generic";
  method: string;
  key: string | [string, ...string[]];
  request?: JsonObject;
  message_id: string;
  timeout_ms?: number;
  trace?: Record<string, string>;
  delay_ms?: number;
  deliver_at?: string;
  asks: Args[];
  stream: number;
}

type Method = callboard.ActorMethod<DescMethodUnary["input"], DescMethodUnary["output"]>;

interface Started {
  future: callboard.Future<object>;
  method: string;
  via: Args["via"];
  waits: AbortController[];
}

const protocol = process.argv[2] as web.WebOptions["protocol"];
let client: callboard.Client = callboard.connect("http://127.0.0.1:7070");
const started = new Map<string, Started>();
const streams: callboard.TellStream[] = [];

const OPERATIONS: Record<string, (args: Args) => unknown> = {
  connect: async (args) => {
    await client.close();
    const options: callboard.ClientOptions = {
      token: args.token,
      apiKey: args.api_key,
      askTimeoutMs: args.ask_timeout_ms,
      tellTimeoutMs: args.tell_timeout_ms,
      retry: {
        attempts: args.retry_attempts,
        baseMs: args.retry_base_ms,
        capMs: args.retry_cap_ms,
      },
    };
    const tls = { ca: file(args.ca_file), cert: file(args.cert_file), key: file(args.key_file) };
    client =
      protocol === undefined
        ? callboard.connect(args.url, { ...options, tls })
        : web.connect(args.url, { ...options, protocol });
    return {};
  },
  ask: async (args) => {
    const response =
      args.via === "generic"
        ? await client.ask(address(args), args.method, args.request ?? {}, options(args))
        : await method(args)(request(args), options(args));
    return answer(args, response);
  },
  tell: async (args) => {
    const receipt =
      args.via === "generic"
        ? await client.tell(address(args), args.method, args.request ?? {}, options(args))
        : await method(args).tell(request(args), options(args));
    return told(receipt);
  },
  start: async (args) => {
    const future =
      args.via === "generic"
        ? await client.start(address(args), args.method, args.request ?? {}, options(args))
        : await method(args).start(request(args), options(args));
    const { messageId } = future;
    started.set(messageId, { future, method: args.method, via: args.via, waits: [] });
    return { message_id: messageId };
  },
  result: async (args) => {
    const { future, method, via, waits } = found(started.get(args.message_id));
    const wait = new AbortController();
    waits.push(wait);
    const response = await future.result({ timeoutMs: args.timeout_ms, signal: wait.signal });
    const receipt = future.receipt;
    return { ...answer({ method, via }, response), ...(receipt && told(receipt)) };
  },
  abandon: (args) => {
    for (const wait of found(started.get(args.message_id)).waits) wait.abort();
    return {};
  },
  pick_up: async (args) => {
    const future = method(args).pickUp(args.message_id);
    const response = await future.result({ timeoutMs: args.timeout_ms });
    return { response: answer(args, response).response };
  },
  cancel: async (args) => ({ cancelled: await client.cancel(address(args), args.message_id) }),
  ask_many: async (args) => {
    const messages = args.asks.map((ask) => message(ask));
    const results = await client.askMany(messages, { timeoutMs: args.timeout_ms });
    return {
      results: results.map((result, index) =>
        result.status === "fulfilled"
          ? { ok: answer(found(args.asks[index]), result.value) }
          : { error: described(result.reason) },
      ),
    };
  },
  stream_open: () => {
    if (!("tellStream" in client)) throw new Error("browsers have no streams of requests");
    return { stream: streams.push((client as callboard.NodeClient).tellStream()) - 1 };
  },
  stream_tell: async (args) => {
    const sent = await found(streams[args.stream]).tell(message(args));
    return told(await sent.receipt());
  },
  stream_close: async (args) => {
    await found(streams[args.stream]).close();
    return {};
  },
  close: async () => {
    await client.close();
    return {};
  },
};

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the operation names what there is not");
  return value;
}

function file(path: string | undefined): Buffer | undefined {
  return path === undefined ? undefined : readFileSync(path);
}

function key(args: Args): string {
  return typeof args.key === "string" ? args.key : callboard.key(...args.key);
}

function address(args: Args): callboard.Address {
  return callboard.address(Interpreter, key(args));
}

function options(args: Args): callboard.TellOptions {
  const { message_id: messageId, timeout_ms: timeoutMs } = args;
  if (args.deliver_at !== undefined) {
    return { messageId, timeoutMs, deliverAt: new Date(args.deliver_at) };
  }
  return { messageId, timeoutMs, delayMs: args.delay_ms };
}

/** The method of the stub; the cases name it as the `.proto` file does. */
function methodOf({ method }: Pick<Args, "method">): DescMethodUnary | undefined {
  return Interpreter.methods.find(({ name }) => name === method) as DescMethodUnary | undefined;
}

function method(args: Args): Method {
  const { localName } = found(methodOf(args));
  const methods = client.actor(Interpreter, key(args)) as unknown as Record<string, Method>;
  return found(methods[localName]);
}

function request(args: Args): ReturnType<typeof fromJson> {
  return fromJson(found(methodOf(args)).input, args.request ?? {});
}

function message(args: Args): callboard.Message<object> {
  const { message_id: messageId } = args;
  return methodOf(args) === undefined
    ? client.message(address(args), args.method, args.request ?? {}, { messageId })
    : method(args).message(request(args), { messageId });
}

function answer(args: Pick<Args, "method" | "via">, response: object): Record<string, unknown> {
  const described = methodOf(args);
  const json =
    args.via === "generic" || described === undefined
      ? response
      : toJson(described.output, response as Parameters<typeof toJson>[1]);
  const receipt = receiptOf(response);
  const none = { message_id: null, sequence: null, duplicate: false, new_key: null };
  return { response: json, ...(receipt === undefined ? none : told(receipt)) };
}

function told(receipt: Receipt): Record<string, unknown> {
  return {
    message_id: receipt.messageId,
    sequence: receipt.sequence === undefined ? null : Number(receipt.sequence),
    duplicate: receipt.duplicate,
    new_key: receipt.newKey ?? null,
  };
}

function described(error: CallboardError): Record<string, unknown> {
  return {
    code: nameOf(error.code),
    reason: error.reason ?? null,
    domain: error.domain ?? null,
    metadata: error.metadata,
    retry_delay_ms: error.retryDelayMs ?? null,
    message: error.message,
    message_id: error.messageId ?? null,
    type: error.name,
  };
}

/** Makes an operation in the trace that it names. */
async function perform(op: string, args: Args): Promise<Record<string, unknown>> {
  const operation = OPERATIONS[op];
  if (operation === undefined) return { unsupported: `there is no operation ${op}` };
  const parent = propagation.extract(ROOT_CONTEXT, args.trace ?? {});
  try {
    return { ok: await context.with(parent, operation, undefined, args) };
  } catch (error) {
    if (error instanceof CallboardError) return { error: described(error) };
    return { unsupported: String(error) };
  }
}

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(
  new CompositePropagator({
    propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
  }),
);

const write = (answer: object): boolean => process.stdout.write(`${JSON.stringify(answer)}\n`);
const open = new Set<Promise<void>>();
write({ ready: true, language: "typescript" });
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { id, op, args } = JSON.parse(line) as { id: number; op: string; args: Args };
    const done = perform(op, args).then((answer) => {
      write({ id, ...answer });
      open.delete(done);
    });
    open.add(done);
  })
  .on("close", () => {
    void client.close().then(() => Promise.all(open));
  });
