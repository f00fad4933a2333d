/** What the compiler must refuse, and what it must know. Nobody calls it. */
import type { Actor, AskResult, Client, Future } from "../src/node.js";
import { Counter, type AddResponse, type GetResponse } from "../examples/gen/counter_pb.js";

export async function types(client: Client, alice: Actor<typeof Counter>): Promise<void> {
  const added: AddResponse = await alice.add({ delta: 5n });
  const future: Future<AddResponse> = await alice.add.start({ delta: 5n });
  const results: readonly [AskResult<AddResponse>, AskResult<GetResponse>] = await client.askMany([
    alice.add.message({ delta: added.value }),
    alice.get.message({}),
  ]);
  const all: AskResult<AddResponse | GetResponse>[] = [...results];
  const read: Uint8Array = await client.ask(future.address, "Get", new Uint8Array());

  // @ts-expect-error -- an int64 is a bigint
  await alice.add({ delta: 5 });
  // @ts-expect-error -- there is no such field
  await alice.add({ color: "red" });
  // @ts-expect-error -- there is no such method
  const method: keyof Actor<typeof Counter> = "subtract";
  // @ts-expect-error -- one time is enough
  await alice.add.tell({}, { delayMs: 5, deliverAt: new Date() });
  // @ts-expect-error -- an ask is not delayed
  await alice.add({}, { delayMs: 5 });
  // @ts-expect-error -- the reply to JSON is JSON
  const wrong: Uint8Array = await client.ask(future.address, "Get", {});
  console.log(all, read, method, wrong);
}
