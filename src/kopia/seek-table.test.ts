import fc from "fast-check";
import { expect, test } from "vitest";
import { VmfrError } from "../errors.ts";
import { contentKeyFromText } from "./content-id.ts";
import { SeekTableBuilder } from "./seek-table.ts";
import { SeekTableJsonParser } from "./seek-table-json.ts";

const PLACE = { format: "kopia", structure: "seek table" };

function parse(text: string, pieces = [text.length]): unknown[] {
  const parser = new SeekTableJsonParser(PLACE);
  const entries: unknown[] = [];
  let rest = Buffer.from(text);
  for (const piece of [...pieces, rest.length]) {
    entries.push(...parser.push(rest.subarray(0, piece)));
    rest = rest.subarray(piece);
  }
  parser.end();
  return entries;
}

const TEXT = '{"stream":"kopia:indirect","entries":[{"l":5,"o":"aa"},{"s":5,"l":7,"o":"Ixbb"},{"s":12,"o":"cc"}]}\n';
const ENTRIES = [
  { start: 0, length: 5, objectId: "aa" },
  { start: 5, length: 7, objectId: "Ixbb" },
  { start: 12, length: 0, objectId: "cc" },
];

test("entries come out whatever the pieces", () => {
  expect(parse(TEXT)).toEqual(ENTRIES);
  fc.assert(
    fc.property(fc.array(fc.nat(20)), (pieces) => {
      expect(parse(TEXT, pieces)).toEqual(ENTRIES);
    }),
  );
});

test.each([
  ["cut off", TEXT.slice(0, 60)],
  ["without its end", TEXT.slice(0, -2)],
  ["another stream", '{"stream":"kopia:directory","entries":[]}'],
  ["a field of another type", '{"stream":"kopia:indirect","entries":[{"l":"5","o":"aa"}]}'],
  ["negative", '{"stream":"kopia:indirect","entries":[{"l":-5,"o":"aa"}]}'],
  ["no JSON", "x".repeat(10_000)],
  ["empty", ""],
])("refused: %s", (_name, text) => {
  expect(() => parse(text)).toThrow(VmfrError);
});

test("half a million chunks of zeros stay small and are found at once", () => {
  const builder = new SeekTableBuilder("object", 1_000_000);
  const key = contentKeyFromText("93fad06bc0266dfbedf4211b7a8c6f61", "test");
  const before = process.memoryUsage().arrayBuffers;
  for (let index = 0; index < 524_288; index++) builder.add(2 ** 21, key, false);
  const table = builder.build();
  expect(table.size).toBe(2 ** 40);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(80 * 1024 * 1024);
  for (const offset of [0, 2 ** 21 - 1, 2 ** 21, 2 ** 39 + 5, 2 ** 40 - 1]) {
    expect(table.chunkAt(offset)).toBe(Math.floor(offset / 2 ** 21));
  }
});

test("too many chunks are refused", () => {
  const builder = new SeekTableBuilder("object", 2);
  const key = contentKeyFromText("aa", "test");
  builder.add(1, key, false);
  builder.add(0, key, false);
  builder.add(1, key, false);
  expect(() => builder.add(1, key, false)).toThrow(/limit of 2/);
});
