/** What browser.test.ts runs in a page. */
import * as callboard from "../src/web.js";
import { Counter } from "../examples/gen/counter_pb.js";

/** What a page found out, as texts, so that it can leave the page. */
export type Findings = Record<string, string>;

async function errorOf(promise: Promise<unknown>): Promise<callboard.CallboardError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof callboard.CallboardError) return error;
    throw error;
  }
  throw new Error("it should fail");
}

/** Calls all there is, over a protocol. */
export async function run(url: string, protocol: "grpc-web" | "connect"): Promise<Findings> {
  const client = callboard.connect(url, { protocol });
  const name = `${protocol} köln/${callboard.newMessageId()}`;
  const counter = client.actor(Counter, name);
  const plain = client.actor(Counter, callboard.newMessageId());
  const added = await plain.add({ delta: 9007199254740993n }, { messageId: "mine" });
  const again = await plain.add({ delta: 9007199254740993n }, { messageId: "mine" });
  await counter.note({ delta: 2n });
  const future = await counter.add.start({ delta: 3n });
  const [one, two] = await client.askMany([
    counter.get.message({}),
    client.actor(Counter).get.message({}),
  ]);
  const refused = await errorOf(plain.add({ delta: 1n }, { messageId: "mine" }));
  const late = await errorOf(counter.add.pickUp("never-sent").result({ timeoutMs: 200 }));
  const controller = new AbortController();
  const waiting = counter.add.pickUp("never-sent").result({ signal: controller.signal });
  controller.abort();
  const aborted = await errorOf(waiting);
  const nobody = callboard.connect("http://127.0.0.1:1", { protocol, retry: false });
  const unreachable = await errorOf(nobody.actor(Counter, "x").get({}));
  const findings = {
    value: String(added.value),
    receipt: callboard.receiptOf(added)?.messageId ?? "none",
    again: String(callboard.receiptOf(again)?.duplicate),
    future: String((await future.result()).value),
    one: one.status === "fulfilled" ? String(one.value.value >= 2n) : one.reason.message,
    two: two.status === "fulfilled" ? "an answer" : two.reason.name,
    refused: `${refused.name} ${refused.reason ?? ""} ${refused.messageId ?? ""}`,
    late: late.name,
    aborted: aborted.name,
    unreachable: unreachable.name,
  };
  await client.close();
  return findings;
}
