/** Calls by name: over `callboard.v1.Gateway`, which takes messages to any actor. */
import { Gateway } from "../gen/callboard/v1/gateway_pb.js";
import type { Channel } from "./channel.js";
import type { Message } from "./message.js";
import type { CallOptions, TellOptions } from "./options.js";
import { receiptTold, withReceipt, type Receipt } from "./receipt.js";

/** Sends a message, and waits for its reply. */
export async function ask<R extends object>(
  channel: Channel,
  message: Message<R>,
  { signal, timeoutMs = channel.settings.askTimeoutMs }: CallOptions,
): Promise<R> {
  const { messageId } = message;
  const request = { message: message.encode() };
  const answer = await channel.unary(Gateway.method.ask, request, { signal, timeoutMs, messageId });
  const { payload, receipt } = answer.message;
  return withReceipt(message.decode(payload), receipt && receiptTold(receipt, messageId));
}

/** Sends a message, and waits until it is durable. */
export async function tell(
  channel: Channel,
  message: Message<object>,
  options: TellOptions,
): Promise<Receipt> {
  const { signal, timeoutMs = channel.settings.tellTimeoutMs } = options;
  const { messageId } = message;
  const request = message.encodeTell(options);
  const answer = await channel.unary(Gateway.method.tell, request, {
    signal,
    timeoutMs,
    messageId,
  });
  return receiptTold(answer.message.receipt, messageId);
}
