/** A message with an id of your own is handled once, however often it is sent. */
import { connect, receiptOf } from "@callboard/client";

import { Counter } from "./gen/counter_pb.js";

const client = connect(process.env.CALLBOARD_URL ?? "http://127.0.0.1:7070", {
  // The client sends again by itself what may be sent again, always with the same id.
  retry: { attempts: 5, baseMs: 100, capMs: 2_000 },
});
const carol = client.actor(Counter, "carol");

// Something that names what is done, and that is still known after a crash.
const messageId = `order-${String(Date.now())}`;
for (let time = 1; time <= 2; time++) {
  const response = await carol.add({ delta: 7n }, { messageId });
  const isAgain = receiptOf(response)?.duplicate === true;
  console.log(`${isAgain ? "again" : "first"}: the number is ${String(response.value)}`);
}

await client.close();
