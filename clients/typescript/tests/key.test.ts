import assert from "node:assert/strict";
import { test } from "node:test";

import { key } from "../src/node.js";

// Rows of the table in docs/keys.md.
test("parts are joined so that different parts never make the same key", () => {
  assert.equal(key("alice"), "alice");
  assert.equal(key("eu/west"), "eu/west");
  assert.equal(key("50%"), "50%");
  assert.equal(key(42), "42");
  assert.equal(key("eu", "alice"), "eu/alice");
  assert.equal(key("eu/west", "alice"), "eu%2Fwest/alice");
  assert.equal(key("50%", 1), "50%25/1");
  assert.equal(key("%2F", "/"), "%252F/%2F");
  assert.equal(key("a", -7n, "b c"), "a/-7/b c");
  assert.equal(key("köln", "ä/ö"), "köln/ä%2Fö");
});
