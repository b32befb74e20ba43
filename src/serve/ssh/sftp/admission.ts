/**
 * Lets a bounded number of requests, with a bounded number of bytes, be answered at the same time. A
 * single request larger than the bound is admitted alone.
 */
export class Admission {
  readonly #maxRequests: number;
  readonly #maxBytes: number;
  #requests = 0;
  #bytes = 0;
  #waiting: (() => void) | undefined;

  constructor(maxRequests: number, maxBytes: number) {
    this.#maxRequests = maxRequests;
    this.#maxBytes = maxBytes;
  }

  /** For one caller at a time: resolves when there is room. */
  async enter(bytes: number): Promise<void> {
    while (this.#requests > 0 && (this.#requests >= this.#maxRequests || this.#bytes + bytes > this.#maxBytes)) {
      await this.#left();
    }
    this.#requests++;
    this.#bytes += bytes;
  }

  leave(bytes: number): void {
    this.#requests--;
    this.#bytes -= bytes;
    this.#waiting?.();
    this.#waiting = undefined;
  }

  /** Resolves when everybody has left. */
  async empty(): Promise<void> {
    while (this.#requests > 0) await this.#left();
  }

  #left(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }
}
