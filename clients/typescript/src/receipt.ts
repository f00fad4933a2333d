import type { Receipt as Told } from "../gen/callboard/v1/gateway_pb.js";

/** What became of a message that is stored. */
export interface Receipt {
  /** The message's id. */
  readonly messageId: string;
  /**
   * Its place in the order in which its actor gets its messages, from 1; `undefined`
   * for a delayed message, and for a duplicate.
   */
  readonly sequence: bigint | undefined;
  /** Whether a message of this id was sent before: it is not handled again. */
  readonly duplicate: boolean;
  /** The key of the actor, where the gateway has made one. */
  readonly newKey: string | undefined;
}

// Responses are the user's own messages, so what belongs to them is kept beside them.
const receipts = new WeakMap<object, Receipt>();

/**
 * The receipt of the message that a response answers: `receiptOf(await alice.add(…))`.
 * `undefined` for a read-only ask, which is no message, and for anything that is not a
 * response as this client gave it.
 */
export function receiptOf(response: object): Receipt | undefined {
  return receipts.get(response);
}

/** Keeps the receipt for {@link receiptOf}. */
export function withReceipt<R extends object>(response: R, receipt: Receipt | undefined): R {
  if (receipt !== undefined) receipts.set(response, receipt);
  return response;
}

/** The receipt in the headers of an answer; `undefined` when there is none. */
export function receiptIn(headers: Headers): Receipt | undefined {
  const messageId = headers.get("callboard-message-id");
  if (messageId === null) return undefined;
  const sequence = headers.get("callboard-sequence");
  return {
    messageId,
    sequence: sequence === null ? undefined : BigInt(sequence),
    duplicate: headers.has("callboard-duplicate"),
    newKey: headers.get("callboard-key") ?? undefined,
  };
}

/** The receipt of a message that was told; one that is not there says nothing but the id. */
export function receiptTold(told: Told | undefined, messageId: string): Receipt {
  return {
    messageId: told?.messageId ?? messageId,
    sequence: told?.sequence,
    duplicate: told?.duplicate ?? false,
    newKey: told?.newKey === "" ? undefined : told?.newKey,
  };
}
