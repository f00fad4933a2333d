/** Tells: one now, one for later that is cancelled, one for later that comes. */
import { address, connect } from "@callboard/client";

import { Counter } from "./gen/counter_pb.js";

const client = connect(process.env.CALLBOARD_URL ?? "http://127.0.0.1:7070");
const bob = client.actor(Counter, "bob");

// A tell is answered when it is durable. Its handler runs later.
await bob.note({ delta: 1n });

const reminder = await bob.note.tell({ delta: 100n }, { delayMs: 3_600_000 });
const isCancelled = await client.cancel(address(Counter, "bob"), reminder.messageId);
console.log(`the reminder is cancelled: ${String(isCancelled)}`);

// An ask can be told, too. Its reply is kept, and can be waited for, here or elsewhere.
const future = await bob.add.start({ delta: 10n }, { delayMs: 500 });
const { value } = await future.result();
console.log(`half a second later the number is ${String(value)}`);

await client.close();
