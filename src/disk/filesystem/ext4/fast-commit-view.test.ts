import fc from "fast-check";
import { expect, test } from "vitest";
import { type MappedRange, putRange } from "../block-runs.ts";
import type { FileMap } from "../file-map.ts";
import { FastCommitView } from "./fast-commit-view.ts";
import type { FastCommitOperation } from "./journal/fast-commit-operation.ts";

const name = (text: string) => Buffer.from(text);
const DIRECTORY = 20;
const FILE = 30;

function record(mode: number, links: number, flags = 0x80000): Uint8Array {
  const bytes = new Uint8Array(256);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, mode, true);
  view.setUint16(0x1a, links, true);
  view.setUint32(0x20, flags, true);
  view.setUint16(0x28, 0xf30a, true);
  view.setUint16(0x2a, 1, true);
  return bytes;
}

const apply = (operations: readonly FastCommitOperation[], links = 1) =>
  FastCommitView.apply(operations, async () => record(0o100644, links));

const shown = (view: FastCommitView) =>
  view.addedEntries(DIRECTORY).map((entry) => [String(entry.name), entry.node, entry.type]);

test("names come and go, the newest last, with cursors that ascend", async () => {
  const view = await apply([
    { kind: "create", parent: DIRECTORY, inode: FILE, name: name("a") },
    { kind: "link", parent: DIRECTORY, inode: FILE, name: name("b") },
    { kind: "unlink", parent: DIRECTORY, inode: FILE, name: name("a") },
    { kind: "link", parent: DIRECTORY, inode: FILE, name: name("a") },
    { kind: "unlink", parent: DIRECTORY, inode: FILE, name: name("old") },
  ]);
  expect(shown(view)).toEqual([
    ["b", FILE, "file"],
    ["a", FILE, "file"],
  ]);
  const cursors = view.addedEntries(DIRECTORY).map(({ cursor }) => cursor);
  expect(cursors).toEqual(cursors.toSorted((left, right) => left - right));
  expect(view.replaces(DIRECTORY, name("old"))).toBe(true);
  expect(view.replaces(DIRECTORY, name("other"))).toBe(false);
  expect(view.addedEntry(DIRECTORY, name("a"))?.node).toBe(FILE);
  expect(view.addedEntry(DIRECTORY, name("old"))).toBeUndefined();
});

test("an image replaces the fields and keeps the map; inline content comes with it", async () => {
  const image = record(0o100600, 3).fill(9, 0x28, 0x64);
  const kept = (await apply([{ kind: "inode", inode: FILE, image }])).records.get(FILE) as Uint8Array;
  expect([kept[0x1a], kept[0x28], kept[0x2a]]).toEqual([3, 0x0a, 1]);
  const inline = record(0o100600, 1, 0x10000000).fill(9, 0x28, 0x64);
  const replaced = (await apply([{ kind: "inode", inode: FILE, image: inline }])).records.get(FILE) as Uint8Array;
  expect(replaced.subarray(0x28, 0x64)).toEqual(new Uint8Array(60).fill(9));
});

test("the last unlink takes the map along, so that a reused number starts empty", async () => {
  const unlink: FastCommitOperation = { kind: "unlink", parent: DIRECTORY, inode: FILE, name: name("a") };
  const add: FastCommitOperation = {
    kind: "add-range",
    inode: FILE,
    logicalBlock: 0,
    length: 2,
    physicalBlock: 50,
    unwritten: false,
  };
  const map: FileMap = { window: async () => ({ start: 0, end: 10, runs: [] }) };
  const gone = await apply([add, unlink]);
  expect((gone.records.get(FILE) as Uint8Array)[0x2a]).toBe(0);
  expect(gone.editedMap(FILE, map)).toBe(map);
  const linked = await apply([add, unlink], 2);
  expect(await linked.editedMap(FILE, map).window(0)).toEqual({
    start: 0,
    end: 10,
    runs: [{ logical: 0, length: 2, physical: 50 }],
  });
});

test("ranges lie over the disk's map, cut at the window", async () => {
  const view = await apply([
    { kind: "add-range", inode: FILE, logicalBlock: 2, length: 6, physicalBlock: 100, unwritten: false },
    { kind: "delete-range", inode: FILE, logicalBlock: 4, length: 1 },
    { kind: "add-range", inode: FILE, logicalBlock: 5, length: 1, physicalBlock: 200, unwritten: true },
  ]);
  const map: FileMap = { window: async () => ({ start: 0, end: 7, runs: [{ logical: 0, length: 7, physical: 10 }] }) };
  expect((await view.editedMap(FILE, map).window(0)).runs).toEqual([
    { logical: 0, length: 2, physical: 10 },
    { logical: 2, length: 2, physical: 100 },
    { logical: 6, length: 1, physical: 104 },
  ]);
});

test("a new directory's blocks do not count", async () => {
  const create: FastCommitOperation = { kind: "create", parent: 2, inode: DIRECTORY, name: name("d") };
  const view = await FastCommitView.apply([create], async () => record(0o40755, 2));
  expect(view.isNewDirectory(DIRECTORY)).toBe(true);
  expect(view.isNewDirectory(2)).toBe(false);
});

test("putRange agrees with a table of blocks", () => {
  const range = fc.record({
    logical: fc.nat(40),
    length: fc.integer({ min: 1, max: 12 }),
    physical: fc.option(fc.nat(999), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(range, { maxLength: 30 }), (puts) => {
      const table = new Map<number, number | undefined>();
      const ranges: MappedRange[] = [];
      for (const { logical, length, physical } of puts) {
        putRange(ranges, { logical, length, ...(physical === undefined ? {} : { physical }) });
        for (let block = 0; block < length; block++)
          table.set(logical + block, physical === undefined ? undefined : physical + block);
      }
      const flat = ranges.flatMap(({ logical, length, physical }) =>
        Array.from({ length }, (_, block) => [logical + block, physical === undefined ? undefined : physical + block]),
      );
      expect(flat).toEqual([...table].toSorted(([left], [right]) => left - right));
    }),
  );
});
