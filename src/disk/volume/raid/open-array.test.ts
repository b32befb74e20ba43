import { describe, expect, test } from "vitest";
import { CorruptDataError, SourceError, UnsupportedFeatureError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import { MemorySource } from "../../../source/memory-source.ts";
import { openArray, type RaidArray } from "./open-array.ts";

const CHUNK = 16;

/** Each row a stripe over the devices: the number of the chunk of data that lies there, or a letter for parity. */
type Picture = readonly string[];

const devicesOf = (picture: Picture): MemorySource[] => {
  const rows = picture.map((row) => row.split(" "));
  return (rows[0] ?? []).map((_, device) => {
    const chunks = rows.map((row) => Buffer.alloc(CHUNK, /\d/.test(row[device] ?? "") ? Number(row[device]) : 0xee));
    return new MemorySource(Buffer.concat(chunks));
  });
};

function arrayOf(level: number, layout: number, picture: Picture, chunks: number): RaidArray {
  const devices = picture[0]?.split(" ").length ?? 0;
  return {
    format: "md",
    name: "array data",
    level,
    layout,
    devices,
    chunkSize: CHUNK,
    deviceSize: picture.length * CHUNK,
    size: chunks * CHUNK,
  };
}

/** Chunks 0, 1, 2, … one behind the other. */
const inOrder = (count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, chunk) => Buffer.alloc(CHUNK, chunk)));

const read = async (source: ByteSource, offset: number, length: number): Promise<Buffer> =>
  Buffer.from(await source.read(offset, length));

/** As the manual pages md(4) and mdadm(8) and the kernel's own sources draw them. */
const PICTURES: readonly { name: string; level: number; layout: number; picture: Picture; chunks: number }[] = [
  { name: "RAID 0", level: 0, layout: 0, chunks: 6, picture: ["0 1 2", "3 4 5"] },
  { name: "RAID 4", level: 4, layout: 0, chunks: 4, picture: ["0 1 P", "2 3 P"] },
  { name: "RAID 5, left-asymmetric", level: 5, layout: 0, chunks: 6, picture: ["0 1 P", "2 P 3", "P 4 5"] },
  { name: "RAID 5, right-asymmetric", level: 5, layout: 1, chunks: 6, picture: ["P 0 1", "2 P 3", "4 5 P"] },
  { name: "RAID 5, left-symmetric", level: 5, layout: 2, chunks: 6, picture: ["0 1 P", "3 P 2", "P 4 5"] },
  { name: "RAID 5, right-symmetric", level: 5, layout: 3, chunks: 6, picture: ["P 0 1", "3 P 2", "4 5 P"] },
  { name: "RAID 5, parity first", level: 5, layout: 4, chunks: 4, picture: ["P 0 1", "P 2 3"] },
  { name: "RAID 5, parity last", level: 5, layout: 5, chunks: 4, picture: ["0 1 P", "2 3 P"] },
  {
    name: "RAID 6, left-symmetric",
    level: 6,
    layout: 2,
    chunks: 8,
    picture: ["Q 0 1 P", "2 3 P Q", "5 P Q 4", "P Q 6 7"],
  },
  { name: "RAID 6, parities first", level: 6, layout: 4, chunks: 4, picture: ["P Q 0 1", "P Q 2 3"] },
  { name: "RAID 6, left-symmetric-6", level: 6, layout: 18, chunks: 6, picture: ["0 1 P Q", "3 P 2 Q", "P 4 5 Q"] },
  { name: "RAID 10, near 2 of 3", level: 10, layout: 0x102, chunks: 6, picture: ["0 0 1", "1 2 2", "3 3 4", "4 5 5"] },
  { name: "RAID 10, far 2 of 3", level: 10, layout: 0x201, chunks: 6, picture: ["0 1 2", "3 4 5", "2 0 1", "5 3 4"] },
  {
    name: "RAID 10, offset 2 of 3",
    level: 10,
    layout: 0x1_0201,
    chunks: 6,
    picture: ["0 1 2", "2 0 1", "3 4 5", "5 3 4"],
  },
];

describe.each(PICTURES)("$name", ({ level, layout, picture, chunks }) => {
  const array = arrayOf(level, layout, picture, chunks);

  test("whole, and from the middle of one chunk to the middle of another", async () => {
    const source = openArray(array, devicesOf(picture));
    expect(await read(source, 0, source.size)).toEqual(inOrder(chunks));
    expect(await read(source, CHUNK - 3, 2 * CHUNK)).toEqual(inOrder(chunks).subarray(CHUNK - 3, 3 * CHUNK - 3));
  });

  test.each([0, 1, 2])("without device %d: from the copies, or named", async (missing) => {
    const devices = devicesOf(picture).map((device, index) => (index === missing ? undefined : device));
    if (level === 10) {
      const source = openArray(array, devices);
      expect(await read(source, 0, source.size)).toEqual(inOrder(chunks));
    } else expect(() => openArray(array, devices)).toThrow(SourceError);
  });
});

test("a mirror is read from the first leg that is there", async () => {
  const array = { ...arrayOf(1, 0, ["0 0"], 1), size: CHUNK };
  const [, second] = devicesOf(["0 0"]);
  expect(await read(openArray(array, [undefined, second]), 0, CHUNK)).toEqual(Buffer.alloc(CHUNK));
  expect(() => openArray(array, [undefined, undefined])).toThrow("none of its devices is there");
});

test("two devices of RAID 10 missing: what has a copy left is read, the rest named", async () => {
  const picture = ["0 0 1 1", "2 2 3 3"];
  const [first, , third] = devicesOf(picture);
  const source = openArray(arrayOf(10, 0x102, picture, 4), [first, undefined, third, undefined]);
  expect(await read(source, 0, source.size)).toEqual(inOrder(4));
  const without = openArray(arrayOf(10, 0x102, picture, 4), [undefined, undefined, third, undefined]);
  await expect(without.read(0, CHUNK)).rejects.toThrow("all devices that hold a part of it");
  expect(await read(without, CHUNK, CHUNK)).toEqual(Buffer.alloc(CHUNK, 1));
});

test("what no layout says is refused by name", () => {
  const picture = ["0 1 P"];
  const devices = devicesOf(picture);
  expect(() => openArray({ ...arrayOf(5, 0, picture, 2), chunkSize: 0 }, devices)).toThrow(CorruptDataError);
  for (const [level, layout] of [
    [5, 6],
    [6, 7],
    [10, 0],
    [10, 0x202],
    [10, 0x10_0000],
  ] as const)
    expect(() => openArray(arrayOf(level, layout, picture, 2), devices)).toThrow(UnsupportedFeatureError);
});
