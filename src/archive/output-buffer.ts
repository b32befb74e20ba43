/** Gathers what an archive writer produces into large chunks, so that 100,000 small files are not 100,000 writes. */

const CHUNK = 512 * 1024;
/** Pieces from this size on are passed on as they are rather than copied. */
const LARGE_PIECE = 128 * 1024;

export class OutputBuffer {
  #current = Buffer.allocUnsafeSlow(CHUNK);
  #used = 0;
  readonly #full: Uint8Array[] = [];
  #written = 0;

  /** Bytes appended so far: where in the archive the next one will be. */
  get written(): number {
    return this.#written;
  }

  /** The piece must not change afterwards. */
  append(piece: Uint8Array): void {
    this.#written += piece.length;
    if (piece.length >= LARGE_PIECE) {
      this.#cut();
      this.#full.push(piece);
      return;
    }
    if (this.#used + piece.length > CHUNK) this.#cut();
    this.#current.set(piece, this.#used);
    this.#used += piece.length;
  }

  /** Zeroed bytes to fill in at once; at most 64 KiB. */
  reserve(length: number): Buffer {
    if (this.#used + length > CHUNK) this.#cut();
    const reserved = this.#current.subarray(this.#used, this.#used + length).fill(0);
    this.#used += length;
    this.#written += length;
    return reserved;
  }

  /** The chunks that are full by now. */
  takeFull(): Uint8Array[] {
    return this.#full.length === 0 ? this.#full : this.#full.splice(0);
  }

  /** Everything there is. */
  takeAll(): Uint8Array[] {
    this.#cut();
    return this.takeFull();
  }

  #cut(): void {
    if (this.#used === 0) return;
    this.#full.push(this.#current.subarray(0, this.#used));
    // Chunks already handed out belong to their receiver, so each gets memory of its own.
    this.#current = Buffer.allocUnsafeSlow(CHUNK);
    this.#used = 0;
  }
}
