/**
 * The program of TypeScript for the row `clients` of Callboard's bench; bench/README.md
 * says what it measures: `main.js URL CALLS REPETITIONS`.
 */
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";

import { Counter } from "../examples/gen/counter_pb.js";
import { connect } from "../src/node.js";

/** Asks of one side, before those of the other. */
const BLOCK = 200;
/** Messages of the stream for each that is told by itself. */
const STREAMED = 10;

const [, , url = "", ...numbers] = process.argv;
const [calls = 0, repetitions = 0] = numbers.map(Number);

// As the client connects.
const sessionManager = new Http2SessionManager(url, { pingIntervalMs: 30_000 });
const bare = createClient(Counter, createGrpcTransport({ baseUrl: url, sessionManager }));
const client = connect(url);
const asks = client.actor(Counter, "asks");
const tells = client.actor(Counter, "tells");
let sent = 0;

async function askBare(): Promise<void> {
  // As long as those of the client.
  const headers = { "callboard-message-id": String(sent++).padStart(36, "0") };
  await bare.add({ counter: "asks", delta: 1n }, { headers });
}

async function askByClient(): Promise<void> {
  await asks.add({ delta: 1n });
}

async function tell(messages: number): Promise<void> {
  for (let n = 0; n < messages; n++) await tells.note({ delta: 1n });
}

async function tellInStream(messages: number): Promise<void> {
  const stream = client.tellStream();
  for (let n = 0; n < messages; n++) await stream.tell(tells.note.message({ delta: 1n }));
  await stream.close();
}

/** Asks by the bare stub and by the client in turn; the medians of both, in µs. */
async function ask(): Promise<[byStub: number, byClient: number]> {
  const byStub: number[] = [];
  const byClient: number[] = [];
  for (let asked = 0; asked < calls; asked += BLOCK) {
    await times(askBare, byStub);
    await times(askByClient, byClient);
  }
  return [median(byStub), median(byClient)];
}

async function times(ask: () => Promise<void>, took: number[]): Promise<void> {
  for (let n = 0; n < BLOCK; n++) {
    const before = performance.now();
    await ask();
    took.push((performance.now() - before) * 1_000);
  }
}

/** How many messages are sent in a second; then it waits until all of them are handled. */
async function rate(send: (messages: number) => Promise<void>, messages: number): Promise<number> {
  const before = performance.now();
  await send(messages);
  const took = performance.now() - before;
  await tells.add({});
  return (messages * 1_000) / took;
}

function median(times: number[]): number {
  return times.sort((one, other) => one - other)[Math.floor(times.length / 2)] ?? NaN;
}

const measured = {
  bare: [] as number[],
  client: [] as number[],
  tells: [] as number[],
  stream: [] as number[],
};
for (let repetition = 0; repetition <= repetitions; repetition++) {
  const [byStub, byClient] = await ask();
  const told = await rate(tell, calls);
  const streamed = await rate(tellInStream, calls * STREAMED);
  // The first one is to warm up.
  if (repetition === 0) continue;
  measured.bare.push(byStub);
  measured.client.push(byClient);
  measured.tells.push(told);
  measured.stream.push(streamed);
}
console.log(JSON.stringify(measured));
await client.close();
sessionManager.abort();
