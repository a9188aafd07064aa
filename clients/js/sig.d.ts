// Types of sig.js.

/** What JSON can carry. With the options parse and stringify, whatever those make of it. */
export type Data = any;

/** Codes that the library and servers use; an application may have others. */
export type Code =
  | "invalid" | "no_sender" | "no_event" | "no_method" | "no_listener" | "taken" | "removed" | "malformed"
  | "refused" | "limit" | "slow" | "timeout" | "not_connected" | "shutting_down" | "canceled" | "" | (string & {});

/** Statuses of the wire. */
export declare const Status: Readonly<{
  done: 0; noMethod: -1; failed: -2; noName: -3; malformed: -4; refused: -5;
  limit: -6; timeout: -7; notConnected: -8; shuttingDown: -9; canceled: -10;
}>;

/**
 * A failure, here or at the far side: a status and a code to act on, a message to read, and
 * data for errors that carry some. Thrown by a request's handler it reaches the caller as it is.
 */
export declare class SigError extends Error {
  /** Without a status the code decides it; -2, the method failed, when neither is given. */
  constructor(message: string, options?: { status?: number; code?: Code; data?: Data; cause?: unknown });
  readonly status: number;
  readonly code: Code;
  readonly data: Data;
}

/** Moves messages between this client and its server. connect sets the three on… members. */
export interface Transport {
  /** Sends one message. */
  send(text: string): void;
  /** Ends the connection in good order; code and reason are for WebSocket. */
  close(code: number, reason: string): void;
  /** Ends it at once; the other end may be dead. */
  abort(): void;
  /**
   * On a byte stream: the server turned out to be one that takes each of its reads, of at
   * most 4096 bytes, for one message. Absent where messages have bounds of their own.
   */
  classic?(): void;
  /** To be called when messages may be sent. */
  onopen: () => void;
  /** To be called with each message. */
  onmessage: (text: string) => void;
  /** To be called once when the connection ended, or could not be made. */
  onclose: (why: string) => void;
}

export interface ConnectOptions {
  /** What the client calls itself. */
  name?: string;
  /** Proves who the client is. A function is asked at each attempt to connect. */
  token?: string | (() => string | Promise<string>);
  /** The constructor to use where there is no global one: Node 20, with that of package ws. */
  WebSocket?: new (url: string) => any;
  /** Instead of a WebSocket. An exception it throws ends the client. */
  transport?: (url: string) => Transport;
  /** How long an attempt to connect may take, in ms; 10,000. */
  timeout?: number;
  /** False: the client ends with its connection. */
  reconnect?: boolean;
  /** Return at once and connect in the background, whether the server is there or not. */
  lazy?: boolean;
  /** The longest wait between two attempts to connect, in ms; 4,000. */
  maxBackoff?: number;
  /** How many signals may wait for the server; 65,536. */
  outbox?: number;
  /** The same in bytes; 8 MiB. */
  outboxBytes?: number;
  /**
   * Reads data, params and responses instead of JSON.parse, which rounds whole numbers beyond
   * 2^53. It gets exactly the text that was sent.
   */
  parse?: (text: string) => Data;
  /** Writes them instead of JSON.stringify, which refuses a bigint. Must return JSON. */
  stringify?: (value: Data) => string | undefined;
  /** For tests: what the client takes for time and chance. */
  clock?: { now(): number; random(): number; setTimeout(fn: () => void, ms: number): any; clearTimeout(timer: any): void };
}

/**
 * Connects to a server, such as "ws://127.0.0.1:3080/sig"; in a page "/sig" is enough. Rejects
 * when the first attempt fails, unless options.lazy; later the client connects again by itself:
 * it adds its senders and listeners again, and sends again what was not acknowledged.
 */
export declare function connect(url: string | URL, options?: ConnectOptions): Promise<Client>;

/** One occurrence. Listeners share it: do not change it. */
export interface SigEvent<T = Data> {
  /** Name of the sender. */
  readonly sender: string;
  /** Name of the event. */
  readonly event: string;
  readonly data: T;
  /** It is the last value from before the listener was added. */
  readonly retained: boolean;
  /** Of the trace that the event belongs to, as W3C Trace Context writes it. */
  readonly traceparent?: string;
  /** How many events lie behind it, each triggered because of the one before. Undefined: none. */
  readonly hops?: number;
}

/** Events meant for a listener that were dropped. Without names when they are of several. */
export interface Drop {
  readonly sender?: string;
  readonly event?: string;
  readonly count: number;
}

export interface ListenOptions {
  /** Also match events below the one named: "address" gets "address.usa". */
  below?: boolean;
  /**
   * What the server does when this listener's events pile up there: "close" the connection
   * (default), drop some, or keep only the latest of each sender and name.
   */
  policy?: "close" | "drop_oldest" | "drop_newest" | "latest";
  /** Do not give retained values from before. */
  skipRetained?: boolean;
  /** Called in their place among the events; without it drops go to the "error" handlers. */
  onDrop?: (drop: Drop) => void;
}

export interface StreamOptions extends ListenOptions {
  /** Ends the stream. */
  signal?: AbortSignal;
  /**
   * How many events may wait here for their reader before the server is held back, and its
   * policy decides; 1,024.
   */
  queue?: number;
}

/** Called with each event. What it throws, now or later, goes to the "error" handlers. */
export type Listener<T = Data> = (event: SigEvent<T>) => void | PromiseLike<void>;

export interface RequestContext {
  /** The sender that is asked. */
  readonly sender: string;
  /** The method that is asked for. */
  readonly method: string;
  /** Aborted when the caller gives up and when the connection is lost. */
  readonly signal: AbortSignal;
  /** Of the trace that the request belongs to, as W3C Trace Context writes it. */
  readonly traceparent?: string;
  /** How many requests lie behind it, each made to answer the one before. Undefined: none. */
  readonly hops?: number;
}

/** What an event or a request is because of: an event, or the context of a handler. */
export interface Cause {
  readonly traceparent?: string;
  readonly hops?: number;
}

/** Answers requests. An error that is a SigError reaches the caller with its code and data, any other with its message. */
export type Handler = (params: Data, context: RequestContext) => Data | PromiseLike<Data>;

/** What a sender declares. */
export interface SenderOptions {
  /** Names of the events it may trigger. */
  events?: string | string[];
  /** Of events whose last value a later listener gets at once; they need not be in events. */
  retain?: string | string[];
  /** Methods it answers. */
  requests?: Record<string, Handler>;
  /** Answers methods that requests does not name. */
  requestRest?: Handler;
  /** For how many milliseconds it outlives a connection that is lost: others see it go only when the client is not back by then. 0. */
  grace?: number;
}

export interface RequestOptions {
  /** How long to wait for the answer, and for a connection before, in ms; 30,000. 0 or Infinity: no limit. */
  timeout?: number;
  /** Gives up. */
  signal?: AbortSignal;
  /** Of the trace that the request belongs to, as W3C Trace Context writes it; the handler sees it. That of cause. */
  traceparent?: string;
  /**
   * Why it is made: the context of the handler that makes it, or the event. Its trace goes on, and
   * circles of requests end: the server refuses what has more than 16 hops behind it.
   */
  cause?: Cause;
}

export interface SenderInfo {
  /** Null: the one that stands for all. */
  name: string | null;
  /** False: only listeners wait for it. */
  connected: boolean;
  /** When asked for. */
  events?: string[];
}

export type State = "connecting" | "connected" | "reconnecting" | "closing" | "closed";

export interface StateChange {
  state: State;
  /** Of "connected": the session went on, nothing was missed. */
  resumed?: boolean;
  /** Of "connected": signals sent again to a server that cannot tell whether it had them. */
  unsure?: number;
  /** Of "reconnecting" and "closed": why. */
  error?: Error;
  /** Of "reconnecting": ms until the next attempt. */
  wait?: number;
}

/** A client: senders and listeners at a server, and requests to it. Made by connect. */
export declare class Client {
  private constructor();
  readonly state: State;
  /** What the server calls itself, and whether it is a classic one, without a fast lane. */
  readonly server: { name?: string; classic: boolean };
  /** Replies nobody waited for, signals that came twice, connections, signals perhaps dispatched twice. */
  readonly stats: { strays: number; duplicates: number; connects: number; unsure: number };

  /** Calls fn with each change of the connection. Returns a function that ends it. */
  on(type: "state", fn: (change: StateChange) => void): () => void;
  /** Calls fn with what nobody else is told of; without any such fn it goes to console.error. */
  on(type: "error", fn: (err: Error) => void): () => void;

  /** Calls fn with each event that matches: names, patterns, or null for any. None need exist yet. */
  addListener<T = Data>(sender: string | null | undefined, event: string | null | undefined, fn: Listener<T>, options?: ListenOptions): Promise<Subscription>;

  /** The events that match, for `for await`. Begins to listen at once; ends with the client. */
  events<T = Data>(sender: string | null | undefined, event: string | null | undefined, options?: StreamOptions): AsyncIterableIterator<SigEvent<T>>;

  /** Adds a sender. It is added again after each reconnect. Rejects with "taken" when the name has a holder. */
  addSender(name: string, declared?: SenderOptions): Promise<Sender>;

  /** Asks a sender. Never sent twice: rejects with "not_connected" when the connection is lost meanwhile. */
  request<T = Data>(sender: string, method: string, params?: Data, options?: RequestOptions): Promise<T>;

  /** Lists the senders. */
  senders(options?: RequestOptions & { events?: boolean }): Promise<SenderInfo[]>;

  /** How many ms the server takes to answer. */
  ping(options?: RequestOptions): Promise<number>;

  /**
   * Ends the client: waits until what was triggered is acknowledged and requests both ways are
   * answered, at most options.timeout ms (5,000). What is not done by then rejects.
   */
  close(options?: { timeout?: number }): Promise<void>;
}

export interface TriggerOptions {
  /** Of the trace that the event belongs to, as W3C Trace Context writes it. That of cause. */
  traceparent?: string;
  /**
   * Why it is triggered: the event that a listener was called with, or the context of a handler. Its
   * trace goes on, and circles of events end: the server refuses what has more than 16 hops behind it.
   */
  cause?: Cause;
}

/** The holder's handle to a sender. */
export declare class Sender {
  private constructor();
  readonly name: string;
  /**
   * Triggers one of the declared events. The promise resolves when the server has dispatched
   * it, and rejects when it was refused or did not fit into the outbox. Nobody has to wait for
   * it: it never is an unhandled rejection, a failure nobody waits for goes to the "error"
   * handlers.
   */
  trigger(event: string, data?: Data, options?: TriggerOptions): Promise<void>;
  /** Takes the sender out of the server, after the signals triggered before. */
  remove(): Promise<void>;
}

/** One listener's registration. */
export declare class Subscription {
  private constructor();
  /** How many events the listener's policy has dropped. */
  readonly dropped: number;
  /** Ends it: the listener is not called again. The server is told in the background. */
  remove(): void;
}

/** A value as it was written and as JSON.parse reads it. */
export interface Payload { readonly text: string; readonly value: Data }

/** A message, as parse reads it. Members that do not belong to its kind are undefined. */
export interface Message {
  kind: "call" | "reply" | "signal" | "ack" | "refused" | "gap";
  /** Its text, as it was sent. */
  id?: string;
  /** Number of a signal, an acknowledgement, a refusal or a gap; else 0. */
  n: number;
  method?: string;
  params?: Payload;
  paramsBad?: true;
  info?: { sender: string; event: string; retained: boolean };
  listeners?: number[];
  listenerId?: string;
  data?: Payload;
  traceparent?: string;
  /** Undefined for none. */
  hops?: number;
  /** Of a request: the sender and the method that is asked for, and the params. */
  sender?: string;
  target?: string;
  args?: Payload;
  status: number;
  response?: Payload;
  exception: string;
  code: string;
  errorData?: Payload;
  gap?: { listeners: number[]; sender?: string; event?: string; count: number };
}

/**
 * Reads one message. connect uses it by itself; it is exported for transports and tests.
 * Throws a SigError, "malformed" or "limit", with the id of the message as far as it was seen,
 * and fatal: whether a byte stream cannot be trusted any more.
 */
export declare function parse(text: string, maxMessage?: number): Message;
