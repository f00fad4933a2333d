import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

import {
  Gateway,
  StatusSchema,
  type AskManyResponse,
  type Status,
} from "../gen/callboard/v1/gateway_pb.js";
import type { Attempt, Channel } from "./channel.js";
import { CallboardError, errorOf, HandlerError } from "./errors.js";
import type { Message } from "./message.js";
import type { WaitOptions } from "./options.js";
import { receiptTold, withReceipt } from "./receipt.js";

/** The result of one of several asks, as `Promise.allSettled` has it. */
export type AskResult<R> =
  | { readonly status: "fulfilled"; readonly value: R }
  | { readonly status: "rejected"; readonly reason: CallboardError };

/** The results of several asks: each is that of the message in its place. */
export type AskResults<M extends readonly Message<object>[]> = {
  [N in keyof M]: M[N] extends Message<infer R> ? AskResult<R> : never;
};

/** A message and its place. */
type Asked = readonly [index: number, message: Message<object>];

/** Asks all at once. Those that have no result yet are asked again when a call breaks. */
export async function askMany(
  channel: Channel,
  messages: readonly Message<object>[],
  { signal, timeoutMs = channel.settings.askTimeoutMs }: WaitOptions,
): Promise<AskResult<object>[]> {
  const results = new Map<number, AskResult<object>>();
  const open = (): Asked[] => [...messages.entries()].filter(([index]) => !results.has(index));
  const attempt = async (attempt: Attempt): Promise<void> => {
    const asked = open();
    if (asked.length === 0) return;
    for await (const [index, result] of answers(channel, asked, attempt)) {
      results.set(index, result);
    }
    if (open().length > 0) {
      throw new ConnectError("the results ended before the last one", Code.Unavailable);
    }
  };
  try {
    await channel.run({ signal, timeoutMs }, attempt);
  } catch (error) {
    if (!(error instanceof CallboardError)) throw error;
    for (const [index, { messageId }] of open()) {
      results.set(index, { status: "rejected", reason: error.of(messageId) });
    }
  }
  return [...results].sort(([one], [other]) => one - other).map(([, result]) => result);
}

async function* answers(
  channel: Channel,
  asked: readonly Asked[],
  attempt: Attempt,
): AsyncIterable<readonly [index: number, result: AskResult<object>]> {
  const request = { messages: asked.map(([, message]) => message.encode()) };
  const response = await channel.stream(Gateway.method.askMany, once(request), attempt);
  for await (const answer of response.message) {
    const place = asked[answer.index];
    if (place === undefined) throw new ConnectError("a result of no ask", Code.Internal);
    const [index, message] = place;
    yield [index, resultOf(answer, message)];
  }
}

function resultOf({ result }: AskManyResponse, message: Message<object>): AskResult<object> {
  if (result.case === "response") {
    const { payload, receipt } = result.value;
    const value = withReceipt(
      message.decode(payload),
      receipt && receiptTold(receipt, message.messageId),
    );
    return { status: "fulfilled", value };
  }
  const status = result.value ?? create(StatusSchema, { message: "a result that says nothing" });
  return { status: "rejected", reason: errorOfResult(status, message.messageId) };
}

function errorOfResult({ code, message, details }: Status, messageId: string): CallboardError {
  const status = new ConnectError(message, codeOf(code));
  status.details = details.map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
    value,
  }));
  const error = errorOf(status, messageId);
  // Here nobody but the gateway and the handler can speak, and the gateway gives reasons.
  return error.reason === undefined ? new HandlerError(status, messageId) : error;
}

/** The numbers of gRPC and Connect are the same. */
function codeOf(number: number): Code {
  const isIt = (code: string | Code): code is Code => Number(code) === number;
  return Object.values(Code).find(isIt) ?? Code.Unknown;
}

// eslint-disable-next-line @typescript-eslint/require-await -- a stream of one request
async function* once<T>(item: T): AsyncIterable<T> {
  yield item;
}
