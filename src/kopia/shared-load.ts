/** Loads one value for everyone who asks for it meanwhile, and gives up only when nobody waits any more. */
export class SharedLoads<Key, Value> {
  readonly #running = new Map<
    Key,
    { readonly value: Promise<Value>; readonly abort: AbortController; waiting: number }
  >();

  has(key: Key): boolean {
    return this.#running.has(key);
  }

  /** Joins the running load of `key`, or starts one. An aborted caller leaves; the last to leave aborts the load. */
  async load(key: Key, start: (signal: AbortSignal) => Promise<Value>, signal?: AbortSignal): Promise<Value> {
    signal?.throwIfAborted();
    let running = this.#running.get(key);
    if (running === undefined || running.abort.signal.aborted) {
      const abort = new AbortController();
      const started = { value: start(abort.signal), abort, waiting: 0 };
      running = started;
      this.#running.set(key, started);
      const forget = () => {
        if (this.#running.get(key) === started) this.#running.delete(key);
      };
      started.value.then(forget, forget);
    }
    running.waiting++;
    try {
      return await abortable(running.value, signal);
    } finally {
      running.waiting--;
      if (running.waiting === 0) running.abort.abort();
    }
  }
}

/** `value`, or the signal's reason as soon as it aborts. */
async function abortable<Value>(value: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) return await value;
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([value, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
