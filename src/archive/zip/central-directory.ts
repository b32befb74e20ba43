/**
 * The directory at the end of a zip archive, kept until then. Compressed meanwhile: a million entries take some
 * tens of mebibytes instead of hundreds.
 */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { endOfCentralDirectory } from "./zip-records.ts";

const CHUNK = 256 * 1024;

export class CentralDirectory {
  readonly #packed: Uint8Array[] = [];
  #recent: Uint8Array[] = [];
  #recentSize = 0;
  #size = 0;
  #count = 0;

  add(header: Uint8Array): void {
    this.#recent.push(header);
    this.#recentSize += header.length;
    this.#size += header.length;
    this.#count++;
    if (this.#recentSize < CHUNK) return;
    this.#packed.push(deflateRawSync(Buffer.concat(this.#recent), { level: 1 }));
    this.#recent = [];
    this.#recentSize = 0;
  }

  /** The directory and its end records; it begins at `offset` of the archive. */
  *chunks(offset: number): Generator<Uint8Array, void, undefined> {
    for (const packed of this.#packed) yield inflateRawSync(packed);
    yield Buffer.concat(this.#recent);
    yield endOfCentralDirectory(this.#count, offset, this.#size);
  }
}
