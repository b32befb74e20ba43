import type { ByteSource } from "../../../source/byte-source.ts";
import { checkRange } from "../../../source/check-range.ts";
import { IV_UNIT, type SectorCipher } from "./sector-cipher.ts";

/** Bytes decrypted at once: the cipher needs a few times as much beside them. */
const PIECE = 256 * 1024;

/**
 * The other source, decrypted. Has no holes, as what was never written decrypts to noise for the guest, too.
 * Closing it leaves the other source open.
 */
export class DecryptingSource implements ByteSource {
  readonly size: number;
  readonly #source: ByteSource;
  readonly #cipher: SectorCipher;
  readonly #firstIv: number;

  /**
   * @param source whole sectors of the cipher
   * @param firstIv number of the first sector's IV, in units of 512 bytes
   */
  constructor(source: ByteSource, cipher: SectorCipher, firstIv: number) {
    this.size = source.size;
    this.#source = source;
    this.#cipher = cipher;
    this.#firstIv = firstIv;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkRange(offset, length, this.size, "decrypted volume");
    const { sectorSize } = this.#cipher;
    const start = Math.floor(offset / sectorSize) * sectorSize;
    const end = Math.ceil((offset + length) / sectorSize) * sectorSize;
    const ciphertext = await this.#source.read(start, end - start, signal);
    if (ciphertext.length <= PIECE) {
      return this.#decrypt(ciphertext, start).subarray(offset - start, offset - start + length);
    }
    const bytes = new Uint8Array(ciphertext.length);
    for (let at = 0; at < bytes.length; at += PIECE) {
      bytes.set(this.#decrypt(ciphertext.subarray(at, at + PIECE), start + at), at);
    }
    return bytes.subarray(offset - start, offset - start + length);
  }

  #decrypt(ciphertext: Uint8Array, offset: number): Uint8Array {
    return this.#cipher.decrypt(ciphertext, this.#firstIv + offset / IV_UNIT);
  }

  async close(): Promise<void> {}
}
