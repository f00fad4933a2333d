import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { bundle } from "./bundle.js";

/** With Connect and protobuf-es in it; more would be noticed by those who load it. */
const GZIP_BYTES_MAX = 50_000;

test("the entry for browsers has nothing of Node.js in it, and is small", async (t) => {
  const text = await bundle(`export { connect } from "@callboard/client/web";`);
  const gzip = gzipSync(text).length;
  t.diagnostic(`bundle: ${String(text.length)} bytes minified, ${String(gzip)} with gzip`);
  const parts = `export { createClient } from "@connectrpc/connect";
    export { createGrpcWebTransport, createConnectTransport } from "@connectrpc/connect-web";`;
  const bare = gzipSync(await bundle(parts)).length;
  t.diagnostic(`of these Connect and protobuf-es alone: ${String(bare)} with gzip`);
  assert.ok(gzip < GZIP_BYTES_MAX, String(gzip));
});

test("what is not used is not in a bundle", async () => {
  assert.equal(await bundle(`import "@callboard/client/web";`), "");
  const text = await bundle(`export { key } from "@callboard/client/web";`);
  assert.ok(text.length < 500, String(text.length));
});
