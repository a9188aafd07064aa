// Types of sig-node.js.

import type { ConnectionOptions } from "node:tls";
import type { Client, ConnectOptions } from "./sig.js";

export * from "./sig.js";

/** connect of sig.js, for tcp:, tls: and unix: addresses too. The port is 3000 when none is named. */
export declare function connect(url: string | URL, options?: ConnectOptions & { tls?: ConnectionOptions }): Promise<Client>;

/** Finds the JSON objects in a stream of bytes, however reads split or join them. */
export declare class Splitter {
  constructor(maxMessage?: number);
  /** Calls each with the text of each object that is whole. Throws a SigError at what cannot be one. */
  add(chunk: Uint8Array, each: (text: string) => void): void;
}
