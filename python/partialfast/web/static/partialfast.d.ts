// The types of partialfast.js.

/** How an answer ended. Only `"complete"` is a success. */
export type Outcome =
  | "complete" | "truncated" | "dropped" | "refused" | "filtered" | "invalid" | "failed" | "closed";

/** Keys and indices from the root. */
export type Path = readonly (string | number)[];

/** A value of which anything may still be missing. */
export type Partial<T> = T extends readonly (infer Item)[]
  ? readonly Partial<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]?: Partial<T[Key]> }
    : T;

/** All there is to know of an answer. Another object whenever anything has changed. */
export interface State<T = unknown> {
  /** The value so far; `undefined` before there is any. Parts that did not change are the same
   *  objects as before, so `===` tells what changed. It is to be read, not changed. */
  readonly value: Partial<T> | undefined;
  /** Where the model is writing, or was when it ended. */
  readonly path: Path;
  /** `"waiting"`: the connection was lost, and another attempt follows. */
  readonly status: "connecting" | "open" | "waiting" | "ended";
  /** How it ended; `null` before. */
  readonly outcome: Outcome | null;
  /** The same in a sentence, for people; `""` before. */
  readonly message: string;
  /** What the exception said, if the server was told to say it (`expose_errors=True`). */
  readonly detail: string | null | undefined;
  /** Bytes received, framing included. */
  readonly bytes: number;
  /** How many connections were made. */
  readonly attempts: number;
}

export interface Options extends RequestInit {
  /** How many attempts without any answer in a row to make before giving up; 5 by default. Only an
   *  answer of a `Hub` can be gone on with: others end as `"dropped"`. */
  reconnect?: number;
  /** What to use in place of the global `fetch`. */
  fetch?: typeof fetch;
}

/** One answer: what it is so far, how far it is, and how it ended. */
export class Answer<T = unknown> implements AsyncIterable<Partial<T> | undefined> {
  constructor(url: string | URL, options?: Options);
  readonly state: State<T>;
  /** Resolves to the last state. Never rejects: failures are outcomes. */
  readonly done: Promise<State<T>>;
  /** Call back at each change; returns what ends that. Fits React's `useSyncExternalStore`. */
  readonly subscribe: (listener: (state: State<T>) => void) => () => void;
  readonly getSnapshot: () => State<T>;
  /** Stop. The server closes the model's response, unless others view the same answer. */
  close(): void;
  /** Whether the value at a path is there and complete. */
  isComplete(path?: Path): boolean;
  /** The value at each change; slow readers get the newest. */
  [Symbol.asyncIterator](): AsyncIterator<Partial<T> | undefined>;
}

/** Whether the value at a path is there and complete. */
export function isComplete(state: Pick<State, "value" | "path" | "outcome">, path: Path): boolean;

/** Apply the data of one event to a value, which is not changed. For transports of one's own. */
export function apply<T>(
  value: Partial<T> | undefined, path: Path, data: string,
): { value: Partial<T>; path: Path };
