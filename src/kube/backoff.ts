export interface BackoffOptions {
  /** Upper bound of the first pause, in milliseconds; doubles with each further one. */
  readonly firstMs: number;
  readonly longestMs: number;
  /** From 0 up to 1; tests fix it. */
  readonly random?: () => number;
}

/** Pauses that grow with each failure, and differ, so that many clients do not come back together. */
export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** How long to wait after one more failure, in milliseconds: between half of the bound and the bound. */
  next(): number {
    const { firstMs, longestMs, random = Math.random } = this.#options;
    const bound = Math.min(longestMs, firstMs * 2 ** this.#failures++);
    return bound * (0.5 + random() / 2);
  }

  reset(): void {
    this.#failures = 0;
  }
}
