/** Several asks at once, with one deadline: what is there by then is not lost. */
import { connect } from "@callboard/client";

import { Counter } from "./gen/counter_pb.js";

const client = connect(process.env.CALLBOARD_URL ?? "http://127.0.0.1:7070");
const names = ["alice", "bob", "carol"];

const asks = names.map((name) => client.actor(Counter, name).add.message({ delta: 1n }));
const results = await client.askMany(asks, { timeoutMs: 2_000 });

for (const [index, result] of results.entries()) {
  const name = names[index] ?? "";
  if (result.status === "fulfilled") console.log(`${name} has ${String(result.value.value)}`);
  else console.log(`${name} has no answer yet: ${result.reason.message}`);
}

await client.close();
