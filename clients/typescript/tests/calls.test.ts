import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import * as node from "../src/node.js";
import { Code, receiptOf } from "../src/node.js";
import * as web from "../src/web.js";
import { Counter, type AddResponse } from "../examples/gen/counter_pb.js";
import { Gateway } from "./gateway.js";

let gateway: Gateway;
const clients: node.Client[] = [];

before(async () => {
  gateway = await Gateway.start();
});
after(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await gateway.stop();
});

function opened<C extends node.Client>(client: C): C {
  clients.push(client);
  return client;
}

/** A key that no other test has. */
function fresh(): string {
  return node.newMessageId();
}

// Each entry and protocol is another transport with other words for the same things.
const WAYS: [string, () => node.Client][] = [
  ["gRPC", () => opened(node.connect(gateway.url))],
  ["Connect", () => opened(node.connect(gateway.url, { protocol: "connect" }))],
  ["gRPC-Web", () => opened(web.connect(gateway.url))],
  ["Connect of browsers", () => opened(web.connect(gateway.url, { protocol: "connect" }))],
];

for (const [way, connect] of WAYS) {
  test(`asks and tells over ${way}`, async () => {
    const client = connect();
    const name = fresh();
    const counter = client.actor(Counter, name);
    const added: AddResponse = await counter.add({ delta: 5n });
    assert.equal(added.value, 5n);
    assert.equal(receiptOf(added)?.sequence, 1n);
    const noted = await counter.note({ delta: 2n }, { messageId: "note" });
    assert.deepEqual(receiptOf(noted), {
      messageId: "note",
      sequence: 2n,
      duplicate: false,
      newKey: undefined,
    });
    const told = await counter.add.tell({ delta: 3n });
    assert.equal(told.sequence, 3n);
    assert.equal((await counter.add.pickUp(told.messageId).result()).value, 10n);
    const read = await counter.get({});
    assert.equal(read.value, 10n);
    assert.equal(receiptOf(read), undefined);

    const address = node.address(Counter, name);
    const reply = await client.ask(address, "Add", { delta: "5" });
    assert.deepEqual(reply, { value: "15" });
    assert.equal(receiptOf(reply)?.duplicate, false);
    const future = await client.start(address, "Add", { delta: "1" });
    assert.deepEqual(await future.result(), { value: "16" });
    assert.deepEqual(await client.pickUp(address, "Add", future.messageId).result(), {
      value: "16",
    });
  });

  test(`what is sent again with its id is handled once, over ${way}`, async () => {
    const counter = connect().actor(Counter, fresh());
    const first = await counter.add({ delta: 5n }, { messageId: "once" });
    const again = await counter.add({ delta: 5n }, { messageId: "once" });
    assert.equal(again.value, first.value);
    assert.equal(receiptOf(again)?.duplicate, true);
    assert.equal((await counter.get({})).value, 5n);
    await assert.rejects(counter.add({ delta: 6n }, { messageId: "once" }), (error) => {
      assert.ok(error instanceof node.MessageIdReusedError);
      assert.equal(error.code, Code.AlreadyExists);
      assert.equal(error.reason, "MESSAGE_ID_REUSED");
      assert.equal(error.messageId, "once");
      return true;
    });
  });

  test(`several asks have their results in their places, over ${way}`, async () => {
    const client = connect();
    const counter = client.actor(Counter, fresh());
    const nobody = client.actor(Counter);
    const [added, refused, read] = await client.askMany([
      counter.add.message({ delta: 5n }),
      nobody.add.message({}, { messageId: "no-key" }),
      client.message(node.address(Counter, fresh()), "Get", {}),
    ]);
    assert.ok(added.status === "fulfilled");
    assert.equal(added.value.value, 5n);
    assert.equal(receiptOf(added.value)?.sequence, 1n);
    assert.ok(refused.status === "rejected");
    assert.ok(refused.reason instanceof node.InvalidRequestError);
    assert.equal(refused.reason.messageId, "no-key");
    assert.equal(refused.reason.fieldViolations[0]?.field, "counter");
    assert.deepEqual(read, { status: "fulfilled", value: {} });
    assert.deepEqual(await client.askMany([]), []);
  });

  test(`an aborted call ends at once, over ${way}`, async () => {
    const counter = connect().actor(Counter, fresh());
    const reason = new Error("no more");
    const wait = counter.add.pickUp("never-sent").result({ signal: AbortSignal.abort(reason) });
    await assert.rejects(wait, (error) => {
      assert.ok(error instanceof node.CancelledError);
      assert.equal(error.cause.cause, reason);
      assert.equal(error.messageId, "never-sent");
      return true;
    });
    const controller = new AbortController();
    const waiting = counter.add.pickUp("never-sent").result({ signal: controller.signal });
    const again = counter.add.pickUp("never-sent").result({ signal: controller.signal });
    controller.abort();
    await assert.rejects(waiting, node.CancelledError);
    await assert.rejects(again, node.CancelledError);
  });

  test(`a wait ends at its deadline, over ${way}`, async () => {
    const counter = connect().actor(Counter, fresh());
    const wait = counter.add.pickUp("never-sent").result({ timeoutMs: 200 });
    await assert.rejects(wait, (error) => {
      assert.ok(error instanceof node.DeadlineExceededError);
      assert.equal(error.messageId, "never-sent");
      return true;
    });
  });

  test(`keys that no header can carry reach the actor, over ${way}`, async () => {
    const client = connect();
    for (const name of ["köln/日本 ", " x ", "a b", 'q";,=']) {
      const counter = client.actor(Counter, name + fresh());
      await counter.add({ delta: 1n });
      await counter.note({ delta: 1n });
      const { messageId } = await counter.add.tell({ delta: 1n });
      assert.equal((await counter.add.pickUp(messageId).result()).value, 3n);
      assert.equal((await counter.get({})).value, 3n);
    }
  });

  test(`a delayed tell can be cancelled once, over ${way}`, async () => {
    const client = connect();
    const name = fresh();
    const counter = client.actor(Counter, name);
    const { messageId, sequence } = await counter.add.tell({}, { delayMs: 3_600_000 });
    assert.equal(sequence, undefined);
    const at = node.address(Counter, name);
    assert.equal(await client.cancel(at, messageId), true);
    assert.equal(await client.cancel(at, messageId), false);
    await assert.rejects(counter.add.pickUp(messageId).result(), node.MessageCancelledError);
    const past = await counter.add.start({ delta: 4n }, { deliverAt: new Date(0) });
    assert.equal((await past.result()).value, 4n);
  });

  test(`a client that is closed makes no calls, over ${way}`, async () => {
    const client = connect();
    const counter = client.actor(Counter, fresh());
    const open = counter.add({ delta: 1n });
    const wait = counter.add.pickUp("never-sent").result();
    const closed = client.close({ graceMs: 300 });
    await assert.rejects(counter.get({}), node.CancelledError);
    assert.equal((await open).value, 1n);
    await assert.rejects(wait, node.CancelledError);
    await closed;
    await client.close();
  });

  test(`credentials go with each call, over ${way}`, async () => {
    let calls = 0;
    const client = opened(
      (way === "gRPC" ? node : web).connect(gateway.url, {
        token: () => `token-${String(++calls)}`,
        apiKey: "cb_key",
      }),
    );
    const counter = client.actor(Counter, fresh());
    await counter.add({});
    await counter.get({});
    assert.equal(calls, 2);
  });
}

test("nobody at the URL is UNAVAILABLE, after all attempts", async () => {
  const retry = { attempts: 3, baseMs: 1 };
  for (const client of [
    node.connect("http://127.0.0.1:1", { retry }),
    web.connect("http://127.0.0.1:1", { retry: false }),
  ]) {
    const asked = opened(client).actor(Counter, "x").add({ delta: 1n });
    await assert.rejects(asked, (error) => {
      assert.ok(error instanceof node.UnavailableError);
      assert.match(error.messageId ?? "", /-7/);
      return true;
    });
  }
});

test("what is no URL of a gateway is refused at once", () => {
  for (const { connect } of [node, web]) {
    assert.throws(() => connect("127.0.0.1:7070"), TypeError);
    assert.throws(() => connect("grpc://127.0.0.1:7070"), TypeError);
  }
});

test("a stream gives each message its receipt, and keeps their order", async () => {
  const client = opened(node.connect(gateway.url));
  const counter = client.actor(Counter, fresh());
  const stream = client.tellStream();
  const sent = [];
  for (let n = 0; n < 300; n++) sent.push(await stream.tell(counter.note.message({ delta: 1n })));
  const receipts = await Promise.all(sent.map((message) => message.receipt()));
  const sequences = receipts.map(({ sequence }) => sequence);
  assert.deepEqual(
    sequences,
    Array.from({ length: 300 }, (_, n) => BigInt(n + 1)),
  );
  await stream.close();
  assert.equal((await counter.add({})).value, 300n);
  await assert.rejects(stream.tell(counter.note.message({})), node.CancelledError);
});

test("a message that is refused fails alone, and nobody can miss it", async () => {
  const client = opened(node.connect(gateway.url));
  const counter = client.actor(Counter, fresh());
  const stream = client.tellStream();
  await stream.tell(counter.note.message({ delta: 1n }));
  const seen = await stream.tell(counter.get.message({}));
  await assert.rejects(seen.receipt(), node.InvalidRequestError);
  const unseen = await stream.tell(counter.get.message({}));
  const last = await stream.tell(counter.note.message({ delta: 1n }), { delayMs: 1 });
  assert.equal((await last.receipt()).duplicate, false);
  await assert.rejects(stream.close(), (error) => {
    assert.ok(error instanceof node.InvalidRequestError);
    assert.equal(error.messageId, unseen.messageId);
    return true;
  });
});

test("a stream that nobody answers fails its messages in time", async () => {
  const client = opened(node.connect("http://127.0.0.1:1", { retry: { attempts: 1_000 } }));
  const stream = client.tellStream({ timeoutMs: 200 });
  const sent = await stream.tell(client.actor(Counter, "x").note.message({}));
  await assert.rejects(sent.receipt(), node.DeadlineExceededError);
  await stream.close();
});

test("a client that is closed closes its streams", async () => {
  const client = node.connect(gateway.url);
  const counter = client.actor(Counter, fresh());
  const stream = client.tellStream();
  const sent = await stream.tell(counter.note.message({}));
  await client.close();
  assert.equal((await sent.receipt()).sequence, 1n);
  await stream.close();
});

test("a hundred calls at once with one signal are no leak", async () => {
  const warnings: Error[] = [];
  const warned = (warning: Error): void => {
    warnings.push(warning);
  };
  process.on("warning", warned);
  const client = opened(node.connect(gateway.url));
  const counters = Array.from({ length: 100 }, () => client.actor(Counter, fresh()));
  const { signal } = new AbortController();
  await Promise.all(counters.map((counter) => counter.get({}, { signal })));
  const streams = Array.from({ length: 20 }, () => client.tellStream());
  await Promise.all(streams.map((stream) => stream.close()));
  process.off("warning", warned);
  assert.deepEqual(warnings, []);
});
