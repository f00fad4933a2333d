import { decodeBinaryHeader } from "@connectrpc/connect";
import { Http2SessionManager } from "@connectrpc/connect-node";
import type { ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";

import { StatusSchema } from "../gen/callboard/v1/gateway_pb.js";

const DETAILS = "grpc-status-details-bin";

/**
 * An HTTP/2 connection that forgets the details of a status when they cannot be read.
 * Connect would throw away code and text with them.
 */
export class Session extends Http2SessionManager {
  override async request(
    ...args: Parameters<Http2SessionManager["request"]>
  ): Promise<ClientHttp2Stream> {
    const stream = await super.request(...args);
    return stream.on("response", forgetUnreadable).on("trailers", forgetUnreadable);
  }
}

function forgetUnreadable(headers: IncomingHttpHeaders): void {
  const details = headers[DETAILS];
  if (details === undefined) return;
  try {
    decodeBinaryHeader(String(details), StatusSchema);
  } catch {
    // The status itself is in headers of its own.
    headers[DETAILS] = undefined;
  }
}
