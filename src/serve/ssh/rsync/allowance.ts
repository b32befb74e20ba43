import { LimitError } from "../../../errors.ts";

/** Bytes that a client may send of something that is kept until the session's end. */
export class Allowance {
  readonly #maximum: number;
  readonly #what: string;
  #left: number;

  /** @param what in words, for the refusal. */
  constructor(maximum: number, what: string) {
    this.#maximum = maximum;
    this.#what = what;
    this.#left = maximum;
  }

  /** @throws LimitError when it is used up. */
  take(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) throw new LimitError("bytes", this.#maximum, `bytes of ${this.#what}`);
  }
}
