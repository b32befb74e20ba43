/** An image that is changed in a few places, read, and changed back: a copy of it for every mutant would cost more. */
export class MutableImage {
  readonly bytes: Buffer;
  readonly #before: { readonly offset: number; readonly bytes: Buffer }[] = [];

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes);
  }

  /** What reaches beyond the image is left out. */
  write(offset: number, bytes: Uint8Array): void {
    const part = bytes.subarray(0, Math.max(0, this.bytes.length - offset));
    this.#before.push({ offset, bytes: Buffer.from(this.bytes.subarray(offset, offset + part.length)) });
    this.bytes.set(part, offset);
  }

  restore(): void {
    for (let change = this.#before.pop(); change !== undefined; change = this.#before.pop()) {
      this.bytes.set(change.bytes, change.offset);
    }
  }
}
