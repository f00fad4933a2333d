/** The first call: an ask, its answer, and what became of its message. */
import { connect, receiptOf } from "@callboard/client";

import { Counter } from "./gen/counter_pb.js";

const client = connect(process.env.CALLBOARD_URL ?? "http://127.0.0.1:7070");
const alice = client.actor(Counter, "alice");

const response = await alice.add({ delta: 5n });
console.log(`the number is ${String(response.value)}`);

const receipt = receiptOf(response);
if (receipt !== undefined) {
  console.log(`message ${String(receipt.sequence)} of this counter was ${receipt.messageId}`);
}

await client.close();
