// The browser's side of the wire `ops`: applies what comes to plain objects, and comes back when
// the connection is lost. No dependencies; docs/web.md says what travels.

const FINAL = /^(complete|truncated|dropped|refused|filtered|invalid|failed|closed)$/;

/** Apply the lines of one event to a value; what does not change stays the same object. */
export function apply(value, path, data) {
  const fresh = new Set(); // the containers of this event's own, which may be changed in place
  const own = (container) => {
    if (fresh.has(container)) return container;
    const copy = Array.isArray(container) ? container.slice() : { ...container };
    fresh.add(copy);
    return copy;
  };
  // An ordinary assignment to the key `__proto__` would change what the object inherits from.
  const put = (container, key, item) => Object.defineProperty(container, key,
    { value: item, writable: true, enumerable: true, configurable: true });
  const change = (path, update) => {
    const holder = [value];
    fresh.add(holder);
    let [container, key] = [holder, 0];
    for (const step of path) {
      const inner = Object.hasOwn(container, key) ? container[key] : undefined;
      if (inner === null || typeof inner !== "object") throw new Error(`nothing at ${path}`);
      const next = own(inner);
      put(container, key, next);
      [container, key] = [next, step];
    }
    if (Array.isArray(container) && !(Number.isInteger(key) && key >= 0 && key <= container.length))
      throw new Error(`no place at ${path}`);
    put(container, key, update(Object.hasOwn(container, key) ? container[key] : undefined));
    value = holder[0];
  };
  const append = (text) => (old) => {
    if (typeof old !== "string") throw new Error(`no text at ${path}`);
    return old + text;
  };
  for (const line of data.split("\n")) {
    const op = JSON.parse(line);
    if (typeof op === "string") change(path, append(op));
    else if (Array.isArray(op)) {
      path = [...path.slice(0, op[0]), ...op.slice(1, -1)];
      change(path, () => op.at(-1));
    } else {
      const [keep, ...steps] = [op.at].flat();
      path = [...path.slice(0, keep), ...steps];
      if ("append" in op) change(path, append(op.append));
    }
  }
  return { value, path };
}

/** Read server-sent events (WHATWG HTML, section 9.2) from a response's body. */
async function* eventsOf(body, count) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let [rest, event] = ["", {}];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      count(value.length);
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\r(?!$)|\n/);
      rest = lines.pop();
      for (const line of lines) {
        const [, name, text] = /^([^:]*):? ?(.*)$/s.exec(line);
        if (line === "") {
          if (Object.keys(event).length) yield event;
          event = {};
        } else if (name === "data") event.data = "data" in event ? `${event.data}\n${text}` : text;
        else if (name) event[name] = text;
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // it may have failed already, and nobody waits for it
  }
}

/** One answer: what it is so far, how far it is, and how it ended; partialfast.d.ts says more. */
export class Answer {
  #listeners = new Set();
  #abort = new AbortController();
  #id = null;
  #retry = null;
  #path = [];
  #bytes = 0;

  constructor(url, { reconnect = 5, fetch: get = fetch, signal, ...init } = {}) {
    this.state = Object.freeze({ value: undefined, path: [], status: "connecting", outcome: null,
      message: "", detail: null, bytes: 0, attempts: 0 });
    signal?.addEventListener("abort", () => this.close(), { once: true });
    if (signal?.aborted) this.close();
    this.done = this.#run(url, init, get, reconnect);
  }

  /** Call back at each change; returns what ends that. Fits React's useSyncExternalStore. */
  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The state: another object whenever anything has changed. */
  getSnapshot = () => this.state;

  /** Stop: the server closes the model's response. */
  close() {
    this.#end("closed", "The answer was stopped.");
    this.#abort.abort();
  }

  isComplete(path = []) { return isComplete(this.state, path); }

  async *[Symbol.asyncIterator]() {
    let seen = null;
    while (seen !== this.state) {
      seen = this.state;
      yield seen.value;
      if (seen.outcome) return;
      if (seen === this.state) await this.#news();
    }
  }

  #news() {
    return new Promise((go) => {
      const stop = this.subscribe(() => { stop(); go(); });
    });
  }

  #set(change) {
    this.state = Object.freeze({ ...this.state, ...change, bytes: this.#bytes });
    for (const listener of [...this.#listeners]) listener(this.state);
  }

  #end(outcome, message, detail = null) {
    if (!this.state.outcome) this.#set({ status: "ended", outcome, message, detail });
  }

  async #run(url, init, get, reconnect) {
    for (let tries = 0; !this.state.outcome;) {
      try {
        const headers = new Headers(init.headers);
        if (this.#id !== null) headers.set("Last-Event-ID", this.#id);
        const response = await get(url, { ...init, headers, signal: this.#abort.signal });
        if (!response.ok || response.status === 204 || !response.body) {
          const said = await response.json().catch(() => ({})); // a proxy's error is not JSON
          const outcome = FINAL.test(said.outcome) ? said.outcome : "failed";
          this.#end(outcome, said.message ?? `The server answered ${response.status}.`, said.detail);
          break;
        }
        this.#set({ status: "open", attempts: this.state.attempts + 1 });
        const count = (bytes) => { this.#bytes += bytes; };
        for await (const event of eventsOf(response.body, count)) {
          tries = 0;
          this.#take(event);
          if (this.state.outcome) break;
        }
      } catch (error) {
        if (error instanceof SyntaxError || error.name === "Error") this.#end("failed", error.message);
      }
      // Only an answer that the server keeps for many can be gone on with.
      if (this.#retry === null || ++tries > reconnect) {
        this.#end("dropped", "The connection to the server was lost.");
      }
      if (this.state.outcome) break;
      this.#set({ status: "waiting" });
      await new Promise((go) => setTimeout(go, this.#retry * 2 ** (tries - 1)));
    }
    this.#abort.abort();
    return this.state;
  }

  #take({ id, event, data, retry }) {
    if (retry !== undefined && /^\d+$/.test(retry)) this.#retry = Number(retry);
    if (id !== undefined) this.#id = id;
    if (data === undefined) return;
    if (event === "end") {
      const said = JSON.parse(data);
      this.#end(FINAL.test(said.outcome) ? said.outcome : "failed", said.message, said.detail);
    } else {
      const { value, path } = apply(this.state.value, this.#path, data);
      this.#path = path;
      this.#set({ value, path });
    }
  }
}

/** Whether the value at a path is there and complete, of a state of an `Answer`. */
export function isComplete({ value, path: open, outcome }, path) {
  for (const step of path) {
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, step)) return false;
    value = value[step];
  }
  if (value === undefined) return false;
  if (outcome === "complete" || (value !== null && !["object", "string"].includes(typeof value)))
    return true;
  // Open is what the model is writing, and all that is around it.
  return path.length > open.length || path.some((step, depth) => step !== open[depth]);
}
