import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { Gateway } from "./gateway.js";

const SAY: Record<string, RegExp> = {
  "errors.js": /no reply yet to never-sent[^]*callboard-key: .*counter/,
  "first-call.js": /the number is 5\nmessage 1 of this counter was /,
  "idempotent-retry.js": /first: the number is (\d+)\nagain: the number is \1\n/,
  "parallel-asks.js": /alice has \d+\nbob has \d+\ncarol has \d+\n/,
  "tell-with-delay.js": /cancelled: true\nhalf a second later the number is \d+\n/,
};

test("the examples do what they say", async (t) => {
  const gateway = await Gateway.start();
  t.after(() => gateway.stop());
  const folder = join(import.meta.dirname, "../examples");
  const examples = readdirSync(folder).filter((name) => name.endsWith(".js"));
  assert.deepEqual(examples.sort(), Object.keys(SAY));
  for (const [name, says] of Object.entries(SAY)) {
    const env = { PATH: process.env.PATH, CALLBOARD_URL: gateway.url };
    const { stdout } = await promisify(execFile)(process.execPath, [join(folder, name)], { env });
    assert.match(stdout, says, name);
  }
});
