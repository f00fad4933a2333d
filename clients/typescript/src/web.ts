/**
 * Callboard for browsers, and for whatever else has `fetch`. Nothing in it is of Node.js.
 *
 * @module
 */
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";

import { Channel } from "./channel.js";
import { Client } from "./client.js";
import { settingsOf, urlOf, type ClientOptions } from "./options.js";

export * from "./public.js";

/** How to connect from a browser. */
export interface WebOptions extends ClientOptions {
  /**
   * How calls are made. `askMany` is always made with gRPC-Web. Default: `grpc-web`.
   */
  readonly protocol?: "grpc-web" | "connect" | undefined;
}

/**
 * A client of the gateway at a URL. It connects with the first call.
 *
 * A page of another origin than the gateway's may call only when the gateway allows it
 * with `--allow-origin`. Browsers have no streams of requests, so there is no
 * `tellStream` here.
 *
 * @throws {TypeError} when the URL is not one of http:// or https://
 */
export function connect(url: string | URL, options: WebOptions = {}): Client {
  const baseUrl = urlOf(url);
  const streaming = createGrpcWebTransport({ baseUrl });
  const unary =
    options.protocol === "connect"
      ? createConnectTransport({ baseUrl, useBinaryFormat: true })
      : streaming;
  const connection = { unary, streaming, release: () => undefined };
  return new Client(new Channel(connection, settingsOf(options)));
}
