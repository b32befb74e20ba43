import type { ByteSource } from "./byte-source.ts";

/** Bytes whose length is known and which cannot be read: every read throws the same error. */
export class FailedSource implements ByteSource {
  readonly size: number;
  readonly #error: unknown;

  constructor(size: number, error: unknown) {
    this.size = size;
    this.#error = error;
  }

  async read(): Promise<Uint8Array> {
    throw this.#error;
  }

  async close(): Promise<void> {}
}
