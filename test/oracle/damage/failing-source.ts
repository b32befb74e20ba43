import { SourceError } from "../../../src/errors.ts";
import type { ByteSource } from "../../../src/source/byte-source.ts";

/** Fails one read, counted from 0, and then works again. */
export class FailingSource implements ByteSource {
  readonly size: number;
  readonly #base: ByteSource;
  #countdown: number;

  constructor(base: ByteSource, failingRead: number) {
    this.size = base.size;
    this.#base = base;
    this.#countdown = failingRead;
  }

  /** Whether the failing read has been reached. */
  get failed(): boolean {
    return this.#countdown < 0;
  }

  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    if (this.#countdown-- === 0) return Promise.reject(new SourceError("the disk timed out", { retryable: true }));
    return this.#base.read(offset, length, signal);
  }

  close(): Promise<void> {
    return this.#base.close();
  }
}
