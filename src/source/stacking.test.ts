import fc from "fast-check";
import { expect, test } from "vitest";
import { CorruptDataError, SourceError } from "../errors.ts";
import type { ByteSource, Extent } from "./byte-source.ts";
import { CachedSource } from "./cached-source.ts";
import { ConcatSource } from "./concat-source.ts";
import { MemorySource, ZeroSource } from "./memory-source.ts";
import { readChunks } from "./read-chunks.ts";
import { type Run, RunListSource } from "./run-list-source.ts";
import { SliceSource } from "./slice-source.ts";

const pattern = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 0xff);

/** Counts reads, and fails the first `failures` of them. */
class ProbedSource extends MemorySource {
  readonly reads: string[] = [];
  failures = 0;

  override async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    this.reads.push(`${offset}+${length}`);
    if (this.failures-- > 0) throw new SourceError("no luck", { retryable: true });
    return super.read(offset, length, signal);
  }
}

async function all(extents: AsyncIterable<Extent>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { offset, length, kind } of extents) texts.push(`${kind} ${offset}+${length}`);
  return texts;
}

/** Every source stacked on bytes gives those bytes, whatever range is asked for. */
async function expectSameBytes(source: ByteSource, bytes: Uint8Array): Promise<void> {
  expect(source.size).toBe(bytes.length);
  const position = fc.nat(bytes.length);
  await fc.assert(
    fc.asyncProperty(position, position, async (a, b) => {
      const [start, end] = [Math.min(a, b), Math.max(a, b)];
      return Buffer.compare(await source.read(start, end - start), bytes.subarray(start, end)) === 0;
    }),
  );
  await expect(source.read(bytes.length, 1)).rejects.toThrow(SourceError);
}

test("slice, concat, cache and run list give the bytes below them", async () => {
  const bytes = pattern(5000);
  await expectSameBytes(new SliceSource(new MemorySource(bytes), 100, 3000), bytes.subarray(100, 3100));
  const parts = [bytes.subarray(0, 1), bytes.subarray(1, 1), bytes.subarray(1, 3000), bytes.subarray(3000)];
  await expectSameBytes(new ConcatSource(parts.map((part) => new MemorySource(part))), bytes);
  const cacheOptions = { blockSize: 64, budget: 300, bypass: 1000 };
  await expectSameBytes(new CachedSource(new MemorySource(bytes), cacheOptions), bytes);
});

test("a run list puts every run in its place and zero-fills the rest", async () => {
  const bytes = pattern(1000);
  const runs: Run[] = [
    { fileOffset: 10, length: 100, sourceOffset: 500 },
    { fileOffset: 110, length: 50 },
    { fileOffset: 160, length: 40, sourceOffset: 0 },
    { fileOffset: 200, length: 60, sourceOffset: 40 },
    { fileOffset: 300, length: 100, sourceOffset: 900 },
  ];
  const expected = new Uint8Array(390);
  for (const { fileOffset, length, sourceOffset } of runs) {
    if (sourceOffset === undefined) continue;
    expected.set(bytes.subarray(sourceOffset, sourceOffset + Math.min(length, 390 - fileOffset)), fileOffset);
  }
  const source = new RunListSource(new MemorySource(bytes), runs, 390);
  await expectSameBytes(source, expected);
  expect(await all(source.extents())).toEqual([
    "hole 0+10",
    "data 10+100",
    "hole 110+50",
    "data 160+100",
    "hole 260+40",
    "data 300+90",
  ]);
  expect(await all(source.extents(120))).toEqual(["hole 120+40", "data 160+100", "hole 260+40", "data 300+90"]);
  expect(await all(new RunListSource(new MemorySource(bytes), [], 5).extents(1))).toEqual(["hole 1+4"]);
});

test("a run list reads neighbouring runs at once", async () => {
  const below = new ProbedSource(pattern(300));
  const runs = [0, 100, 200].map((offset) => ({ fileOffset: offset, length: 100, sourceOffset: offset }));
  await new RunListSource(below, runs, 300).read(50, 200);
  expect(below.reads).toEqual(["50+200"]);
});

test("a run list refuses overlapping runs, and reads of a run that lies outside only", async () => {
  const below = new MemorySource(pattern(100));
  const overlapping = [
    { fileOffset: 0, length: 10, sourceOffset: 0 },
    { fileOffset: 5, length: 10, sourceOffset: 50 },
  ];
  expect(() => new RunListSource(below, overlapping, 20)).toThrow(CorruptDataError);
  const outside = new RunListSource(below, [{ fileOffset: 0, length: 20, sourceOffset: 90 }], 20);
  expect(await outside.read(0, 10)).toHaveLength(10);
  await expect(outside.read(5, 10)).rejects.toThrow(SourceError);
});

test("the cache shares fetches, peeks without awaiting and never keeps a failure", async () => {
  const below = new ProbedSource(pattern(1000));
  const cache = new CachedSource(below, { blockSize: 100, budget: 500, bypass: 400 });
  below.failures = 1;
  await expect(cache.read(0, 10)).rejects.toThrow("no luck");
  expect(cache.peek(0, 10)).toBeUndefined();
  await Promise.all([cache.read(5, 10), cache.read(50, 60), cache.read(90, 5)]);
  expect(below.reads).toEqual(["0+100", "0+100", "100+100"]);
  expect(Uint8Array.from(cache.peek(95, 10) ?? [])).toEqual(pattern(1000).slice(95, 105));
  await cache.read(0, 400);
  expect(below.reads.at(-1)).toBe("0+400");
  expect(cache.peek(300, 1)).toBeUndefined();
});

test("an abort ends the waiting of one reader, not the fetch of the others", async () => {
  const cache = new CachedSource(new MemorySource(pattern(1000)), { blockSize: 100 });
  const abort = new AbortController();
  const mine = cache.read(0, 10, abort.signal);
  const theirs = cache.read(0, 10);
  abort.abort();
  await expect(mine).rejects.toThrow(/abort/i);
  expect(await theirs).toHaveLength(10);
});

test("holes show through slices, caches and joined parts", async () => {
  const joined = new ConcatSource([
    new ZeroSource(50),
    new MemorySource(pattern(50)),
    new ZeroSource(50),
    new ZeroSource(9),
  ]);
  expect(await all(joined.extents(10))).toEqual(["hole 10+40", "data 50+50", "hole 100+59"]);
  expect(await all(new SliceSource(joined, 40, 70).extents())).toEqual(["hole 0+10", "data 10+50", "hole 60+10"]);
  expect(await all(new CachedSource(joined).extents(100))).toEqual(["hole 100+59"]);
});

test("chunks stream in order at aligned borders, and stop at an abort or a failure", async () => {
  const bytes = pattern(1000);
  const below = new ProbedSource(bytes);
  const chunks: Uint8Array[] = [];
  for await (const chunk of readChunks(below, 130, 950, { chunkSize: 100, inFlight: 3 })) chunks.push(chunk);
  expect(Buffer.compare(Buffer.concat(chunks), bytes.subarray(130, 950))).toBe(0);
  expect(below.reads.slice(0, 2)).toEqual(["130+70", "200+100"]);

  const abort = new AbortController();
  const stream = readChunks(below, 0, 1000, { chunkSize: 100, signal: abort.signal });
  await stream.next();
  abort.abort();
  await expect(stream.next()).rejects.toThrow(/abort/i);

  below.failures = 2;
  await expect(readChunks(below, 0, 1000, { chunkSize: 100 }).next()).rejects.toThrow("no luck");
});
