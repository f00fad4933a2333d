import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";

import { chromium } from "playwright-core";

import { bundle } from "./bundle.js";
import { Gateway } from "./gateway.js";
import type { Findings } from "./page.js";

test("a page of another origin calls actors, in a real browser", async (t) => {
  const executablePath = process.env.CALLBOARD_CHROMIUM;
  if (executablePath === undefined) {
    throw new Error("CALLBOARD_CHROMIUM is not set; install it with: apt-get install chromium");
  }
  const script = await bundle(`import { run } from "./page.js"; globalThis.run = run;`);
  const server = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : `<script type="module" src="/page.js"></script>`);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  const origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const gateway = await Gateway.start(`--allow-origin=${origin}`);
  t.after(() => gateway.stop());
  // Chromium has no sandbox for root, and the page is our own.
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(origin);
  await page.waitForFunction("globalThis.run !== undefined");
  for (const protocol of ["grpc-web", "connect"]) {
    const found = await page.evaluate<Findings>(`run("${gateway.url}", "${protocol}")`);
    assert.deepEqual(found, {
      value: "9007199254740993",
      receipt: "mine",
      again: "true",
      future: "5",
      one: "true",
      two: "InvalidRequestError",
      refused: "MessageIdReusedError MESSAGE_ID_REUSED mine",
      late: "DeadlineExceededError",
      aborted: "CancelledError",
      unreachable: "UnavailableError",
    });
  }
});
