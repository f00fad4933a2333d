import assert from "node:assert/strict";
import { test } from "node:test";

import { context, propagation, ROOT_CONTEXT } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";

import { traceHeaders } from "../src/trace.js";

test("the trace context is the current one of OpenTelemetry, and none without it", () => {
  assert.deepEqual(traceHeaders(), []);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const parent = propagation.extract(ROOT_CONTEXT, { traceparent });
  assert.deepEqual(context.with(parent, traceHeaders), [["traceparent", traceparent]]);
  assert.deepEqual(traceHeaders(), []);
});
