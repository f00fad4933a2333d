import assert from "node:assert/strict";
import { test } from "node:test";

import { newMessageId } from "../src/node.js";

test("an id is a UUID of version 7 with the time of now", () => {
  const before = Date.now();
  const id = newMessageId();
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const millis = parseInt(id.replaceAll("-", "").slice(0, 12), 16);
  assert.ok(millis >= before && millis <= Date.now());
});

test("no two ids are the same", () => {
  const ids = new Set(Array.from({ length: 10_000 }, newMessageId));
  assert.equal(ids.size, 10_000);
});
