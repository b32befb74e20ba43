import { expect, test } from "vitest";
import { contentKeyFromText } from "./content-id.ts";
import { ObjectSource } from "./object-source.ts";
import { SeekTableBuilder } from "./seek-table.ts";

const CHUNK = 1024 * 1024;

/** One chunk, as decryption gives it. */
function sourceOf(chunk: Buffer): ObjectSource {
  const builder = new SeekTableBuilder("object", 10);
  builder.add(chunk.length, contentKeyFromText("00".repeat(16), "test"), false);
  const objects = { readChunk: async () => chunk, prefetch: async () => undefined };
  return new ObjectSource({ name: "disk", objects, table: builder.build(), zeroChunks: Uint8Array.of(0) });
}

test("a small part does not keep the whole chunk in memory, a large one is not copied", async () => {
  const chunk = Buffer.alloc(CHUNK, "pattern");
  const source = sourceOf(chunk);
  const small = await source.read(7, 64 * 1024);
  expect(small.buffer.byteLength).toBe(64 * 1024);
  expect(Buffer.compare(small, chunk.subarray(7, 7 + 64 * 1024))).toBe(0);
  expect((await source.read(0, CHUNK / 2)).buffer).toBe(chunk.buffer);
});
