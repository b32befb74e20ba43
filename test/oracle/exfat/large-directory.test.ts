import { expect, test } from "vitest";
import { openExfat } from "../../../src/disk/filesystem/exfat/exfat-file-system.ts";
import type { ByteSource } from "../../../src/source/byte-source.ts";
import { fileSlots, TinyExfat } from "../../fixtures/exfat/tiny-exfat.ts";
import { tally } from "../../setup/tally.ts";

const ENTRIES = 1_000_000;
const MiB = 1024 * 1024;
const SET = Buffer.concat(fileSlots({ name: "1 of a million" }));
/** The set over and over, from any phase of it. */
const PATTERN = Buffer.alloc(MiB + 2 * SET.length, SET);

/** A volume with clusters of 1 MiB, whose only directory is made up as it is read. */
class LargeDirectorySource implements ByteSource {
  readonly size: number;
  readonly #image = new TinyExfat();
  readonly #heapOffset: number;
  readonly #root: Uint8Array;

  constructor() {
    const image = this.#image;
    this.#heapOffset = image.clusterOffset(2);
    const length = Math.ceil((ENTRIES * SET.length) / MiB) * MiB;
    image.putFile({ name: "large", attributes: 0x10, cluster: 10, size: length, flags: 3 });
    this.#root = Uint8Array.from(image.bytes.subarray(image.rootOffset, image.rootOffset + 512));
    this.size = this.#heapOffset + 126 * MiB;
    image.bytes.writeUInt8(11, 109);
    image.bytes.writeBigUInt64LE(BigInt(this.size / 512), 72);
    image.seal();
  }

  #clusterOffset(cluster: number): number {
    return this.#heapOffset + (cluster - 2) * MiB;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = Buffer.alloc(length);
    const put = (start: number, content: Uint8Array) => {
      const from = Math.max(offset, start);
      const to = Math.min(offset + length, start + content.length);
      if (to > from) bytes.set(content.subarray(from - start, to - start), from - offset);
    };
    put(0, this.#image.bytes.subarray(0, this.#heapOffset + 512));
    put(this.#clusterOffset(4), this.#root);
    const start = this.#clusterOffset(10);
    const from = Math.max(offset, start);
    const to = Math.min(offset + length, start + ENTRIES * SET.length);
    const phase = (from - start) % SET.length;
    if (to > from) bytes.set(PATTERN.subarray(phase, phase + to - from), from - offset);
    return bytes;
  }

  async close(): Promise<void> {}
}

test("a directory of a million entries is streamed", async () => {
  const fileSystem = await openExfat(new LargeDirectorySource());
  const directory = await fileSystem.lookup(fileSystem.root, Buffer.from("large"));
  let count = 0;
  let largestBatch = 0;
  const nodes = new Set<number>();
  for await (const batch of fileSystem.readDirectory(directory?.node ?? -1)) {
    count += batch.length;
    largestBatch = Math.max(largestBatch, batch.length);
    nodes.add(batch[0]?.node ?? 0);
  }
  expect(count).toBe(ENTRIES);
  // Memory is bounded by what one batch holds: 64 KiB of the directory.
  expect(largestBatch).toBeLessThanOrEqual(Math.ceil((64 * 1024) / SET.length));
  expect(nodes.size).toBeGreaterThan(1000);
  tally("exFAT entries of one directory, streamed", count);
});
