/**
 * Callboard for Node.js, over gRPC.
 *
 * @module
 */
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import type { SecureClientSessionOptions } from "node:http2";

import { Channel } from "./channel.js";
import { Client } from "./client.js";
import { settingsOf, urlOf, type ClientOptions } from "./options.js";
import { Session } from "./session.js";
import { TellStream, type TellStreamOptions } from "./tell-stream.js";

export * from "./public.js";
export type { NodeClient };
export type { SentMessage, TellStream, TellStreamOptions } from "./tell-stream.js";

/** How to connect from Node.js. */
export interface NodeOptions extends ClientOptions {
  /**
   * For `https://`: authorities to trust instead of those of Node.js, and a certificate
   * with its key, for a gateway that wants one of its clients. Each in PEM, the text and
   * not the file.
   */
  readonly tls?: Pick<SecureClientSessionOptions, "ca" | "cert" | "key"> | undefined;
  /**
   * How often the gateway is asked whether it is there, in ms, while calls are open.
   * Default: 30,000.
   */
  readonly keepaliveMs?: number | undefined;
  /**
   * How calls with one answer are made. Those with streams are always made with gRPC.
   * Default: `grpc`.
   */
  readonly protocol?: "grpc" | "connect" | undefined;
}

/** A client in Node.js. */
class NodeClient extends Client {
  /**
   * Opens a stream of tells: many, one after the other, without a wait for each.
   *
   * ```ts
   * const stream = client.tellStream();
   * for (const delta of deltas) await stream.tell(alice.note.message({ delta }));
   * await stream.close();
   * ```
   */
  tellStream(options: TellStreamOptions = {}): TellStream {
    return new TellStream(this.channel, options);
  }
}

/**
 * A client of the gateway at a URL, `http://127.0.0.1:7070`. It connects with the first
 * call. A process ends by itself when no call is open; close the client all the same.
 *
 * @throws {TypeError} when the URL is not one of http:// or https://
 */
export function connect(url: string | URL, options: NodeOptions = {}): NodeClient {
  const baseUrl = urlOf(url);
  const keepalive = { pingIntervalMs: options.keepaliveMs ?? 30_000 };
  const sessionManager = new Session(baseUrl, keepalive, options.tls);
  const streaming = createGrpcTransport({ baseUrl, sessionManager });
  const unary =
    options.protocol === "connect"
      ? createConnectTransport({ baseUrl, httpVersion: "2", sessionManager })
      : streaming;
  const release = (): void => {
    sessionManager.abort();
  };
  return new NodeClient(new Channel({ unary, streaming, release }, settingsOf(options)));
}
