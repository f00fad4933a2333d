import { Code, ConnectError } from "@connectrpc/connect";

/**
 * What an attempt failed with, as a status. Node.js, browsers and Connect each have
 * their own words for a connection that could not be made, or broke; here all of them
 * are UNAVAILABLE.
 */
export function statusOf(cause: unknown): ConnectError {
  const status = ConnectError.from(cause);
  // A status with headers has come from the other side.
  const isAnswer = status.metadata.keys().next().done !== true;
  if (isAnswer || status.code === Code.Unavailable || !isBroken(status)) return status;
  const text = `the connection failed: ${status.rawMessage}`;
  return new ConnectError(text, Code.Unavailable, undefined, undefined, cause);
}

function isBroken(status: ConnectError): boolean {
  if (status.code === Code.DeadlineExceeded) return false;
  // Connect's codes for a stream that was reset and for a socket that closed.
  if (status.code === Code.Canceled || status.code === Code.Aborted) return true;
  for (let error = status.cause; error instanceof Error; error = error.cause) {
    // Errors of the network have codes as texts in Node.js (`EPIPE`), and are TypeErrors
    // where there is `fetch`.
    if (error instanceof TypeError || ("code" in error && typeof error.code === "string")) {
      return true;
    }
  }
  return false;
}
