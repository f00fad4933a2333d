/** Errors: one class for each thing that a program does next. */
import {
  CallboardError,
  connect,
  DeadlineExceededError,
  HandlerError,
  InvalidRequestError,
} from "@callboard/client";

import { Counter } from "./gen/counter_pb.js";

const client = connect(process.env.CALLBOARD_URL ?? "http://127.0.0.1:7070");
const dave = client.actor(Counter, "dave");

try {
  // There is no such message, so there is no reply to wait for.
  await dave.add.pickUp("never-sent").result({ timeoutMs: 200 });
} catch (error) {
  if (!(error instanceof DeadlineExceededError)) throw error;
  console.log(`no reply yet to ${error.messageId ?? "a read"}: wait for it again`);
}

try {
  await dave.add({ counter: "erin", delta: 1n });
} catch (error) {
  if (error instanceof HandlerError) console.log(`the actor says ${error.message}`);
  else if (error instanceof InvalidRequestError) {
    for (const { field, description } of error.fieldViolations) {
      console.log(`${field}: ${description}`);
    }
  } else if (error instanceof CallboardError) console.log(error.code, error.reason, error.metadata);
  else throw error;
}

await client.close();
