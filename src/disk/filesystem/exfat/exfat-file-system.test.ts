import { expect, test } from "vitest";
import { CLUSTER, fileSlots, TinyExfat } from "../../../../test/fixtures/exfat/tiny-exfat.ts";
import { nameFromText } from "../../../bytes/byte-name.ts";
import type { Extent } from "../../../source/byte-source.ts";
import { MemorySource } from "../../../source/memory-source.ts";
import type { FileSystem, NodeId } from "../file-system.ts";
import { openExfat } from "./exfat-file-system.ts";
import { exfatTime } from "./timestamp.ts";

/** Names of a directory, and the error that came after them. */
async function list(
  fileSystem: FileSystem,
  node: NodeId = fileSystem.root,
): Promise<{ names: string[]; error?: string }> {
  const names: string[] = [];
  try {
    for await (const batch of fileSystem.readDirectory(node)) {
      names.push(...batch.map(({ name }) => Buffer.from(name).toString()));
    }
  } catch (error) {
    return { names, error: (error as Error).message };
  }
  return { names };
}

async function find(fileSystem: FileSystem, name: string, directory: NodeId = fileSystem.root): Promise<NodeId> {
  return (await fileSystem.lookup(directory, nameFromText(name)))?.node ?? -1;
}

async function readFile(image: TinyExfat, name: string): Promise<Uint8Array> {
  const fileSystem = await openExfat(image.source());
  const source = await fileSystem.openFile(await find(fileSystem, name));
  return source.read(0, source.size);
}

/** `chain` in clusters 10, 12, 11 and `row` in 20 to 22, whose links mean nothing. */
function withFiles(): TinyExfat {
  const image = new TinyExfat();
  image.setChain(10, 12, 11);
  for (const cluster of [20, 21, 22]) image.setLink(cluster, 0xdead);
  for (const cluster of [10, 11, 12, 20, 21, 22]) {
    image.bytes.fill(cluster, image.clusterOffset(cluster), image.clusterOffset(cluster) + CLUSTER);
  }
  image.putFile({ name: "chain", cluster: 10, size: 3 * CLUSTER });
  image.putFile({ name: "row", cluster: 20, size: 3 * CLUSTER, flags: 3 });
  return image;
}

const everyCluster = (content: Uint8Array): (number | undefined)[] =>
  [0, 1, 2].map((index) => content[index * CLUSTER + 1]);

test("files by their chain, and files whose clusters follow each other", async () => {
  expect(everyCluster(await readFile(withFiles(), "chain"))).toEqual([10, 12, 11]);
  expect(everyCluster(await readFile(withFiles(), "row"))).toEqual([20, 21, 22]);
});

test("bytes that were never written are zeros and a hole", async () => {
  const image = withFiles();
  image.putFile({ name: "half", cluster: 20, size: 3 * CLUSTER, validSize: 700, flags: 3 });
  const content = await readFile(image, "half");
  expect([content[699], content[700], content.at(-1), content.length]).toEqual([21, 0, 0, 3 * CLUSTER]);
  const fileSystem = await openExfat(image.source());
  const source = await fileSystem.openFile(await find(fileSystem, "half"));
  const extents: Extent[] = [];
  for await (const extent of source.extents()) extents.push(extent);
  expect(extents).toEqual([
    { offset: 0, length: 700, kind: "data" },
    { offset: 700, length: 836, kind: "hole" },
  ]);
});

test.each([
  ["a loop", (image: TinyExfat) => image.setLink(12, 10), "chain", /its chain of clusters is a loop/],
  [
    "an end that comes early",
    (image: TinyExfat) => image.setChain(10, 12),
    "chain",
    /1536 bytes need 3 clusters, it has 2/,
  ],
  [
    "a cluster that does not exist",
    (image: TinyExfat) => image.setLink(12, 130),
    "chain",
    /followed by cluster 130, which/,
  ],
  ["a cluster that is bad", (image: TinyExfat) => image.setLink(12, 0xfffffff7), "chain", /cluster 12 is marked bad/],
  [
    "a row that leaves the volume",
    (image: TinyExfat) => image.putFile({ name: "end", cluster: 126, size: 3 * CLUSTER, flags: 3 }),
    "end",
    /clusters 126 to 128 do not all exist/,
  ],
])("%s refuses its file", async (_what, damage, name, problem) => {
  const image = withFiles();
  damage(image);
  await expect(readFile(image, name)).rejects.toThrow(problem);
});

test("a set whose checksum does not match is named, and hides no other", async () => {
  const image = withFiles();
  const position = image.putFile({ name: "broken" });
  image.putFile({ name: "last" });
  image.bytes.writeUInt8(image.bytes.readUInt8(position + 66) ^ 1, position + 66);
  const { names, error } = await list(await openExfat(image.source()));
  expect(names).toEqual(["chain", "row", "last"]);
  expect(error).toBe(`exfat: directory entry at byte ${position}: checksum does not match`);
});

test.each([
  ["a set that breaks off", (slots: Buffer[]) => slots.slice(0, 2), /its set of entries is not complete/],
  ["a name without its file", (slots: Buffer[]) => slots.slice(1), /belongs to no file/],
  [
    "a file by itself",
    ([file]: Buffer[]) => [Buffer.concat([Buffer.of(0x85, 0), file?.subarray(2) ?? file ?? Buffer.of()])],
    /not complete/,
  ],
  ["a type nobody knows", () => [Buffer.alloc(32, 0x84)], /unknown type 132/],
  ["dots for a name", () => fileSlots({ name: ".." }), /has no usable name/],
  ["no name", () => fileSlots({ name: "" }), /a name of 0 characters is impossible/],
  [
    "more bytes written than there are",
    () => fileSlots({ name: "x", size: 1, validSize: 2 }),
    /2 bytes of 1 are valid/,
  ],
])("%s is named at the end", async (_what, slots, problem) => {
  const image = withFiles();
  for (const slot of slots(fileSlots({ name: "odd" }))) image.putSlot(slot);
  for (const slot of fileSlots({ name: "last" })) image.putSlot(slot);
  const { names, error } = await list(await openExfat(image.source()));
  expect(names).toEqual(["chain", "row", "last"]);
  expect(error).toMatch(problem);
});

test("sets lie across clusters of chained and of contiguous directories", async () => {
  const image = new TinyExfat();
  image.setChain(30, 40, 35);
  image.putFile({ name: "chained", attributes: 0x10, cluster: 30, size: 3 * CLUSTER });
  image.putFile({ name: "contiguous", attributes: 0x10, cluster: 50, size: 3 * CLUSTER, flags: 3 });
  const name = (index: number) => `file ${index} ${"x".repeat(30)}`;
  for (let index = 0; index < 9; index++) {
    image.putFile({ name: name(index) }, [30, 40, 35]);
    image.putFile({ name: name(index) }, [50, 51, 52]);
  }
  const fileSystem = await openExfat(image.source());
  for (const directory of ["chained", "contiguous"]) {
    const node = await find(fileSystem, directory);
    expect((await list(fileSystem, node)).names).toEqual(Array.from({ length: 9 }, (_, index) => name(index)));
    for (let index = 0; index < 9; index++) {
      expect((await fileSystem.stat(await find(fileSystem, name(index), node))).type).toBe("file");
    }
  }
});

test("names are found by the volume's own upcase table, or Unicode's where it is damaged", async () => {
  const image = new TinyExfat();
  image.putFile({ name: "Straße Ä" });
  const own = await openExfat(image.source());
  expect(await find(own, "STRAßE Ä")).toBeGreaterThan(0);
  expect(await find(own, "straße ä")).toBe(-1);
  expect(own.info().warnings).toEqual([]);
  image.bytes.writeUInt8(1, image.clusterOffset(2) + 3);
  const damaged = await openExfat(image.source());
  expect(damaged.info().warnings).toEqual(["exfat: upcase table: checksum does not match"]);
  expect(await find(damaged, "straße ä")).toBeGreaterThan(0);
  image.bytes.writeUInt8(0x02, image.rootOffset);
  const missing = await openExfat(image.source());
  expect(missing.info().warnings).toEqual(["exfat: upcase table missing; Unicode's rules are used"]);
});

test("a damaged boot region is replaced by its backup, and not if that is damaged too", async () => {
  const image = withFiles();
  image.seal();
  image.bytes.writeUInt32LE(99, 96);
  const fileSystem = await openExfat(new MemorySource(image.bytes));
  expect((await list(fileSystem)).names).toEqual(["chain", "row"]);
  expect(fileSystem.info().warnings).toEqual([
    "exfat: boot region at byte 0: checksum does not match; its backup at byte 6144 is used",
  ]);
  image.bytes.writeUInt32LE(99, 6144 + 96);
  await expect(openExfat(new MemorySource(image.bytes))).rejects.toThrow(/boot region at byte 0: checksum does not/);
});

test("what changes while the volume is in use needs no new checksum: dirty, failed, per cent in use", async () => {
  const image = withFiles();
  image.seal();
  image.bytes.set([6, 0], 106);
  image.bytes.writeUInt8(50, 112);
  const { consistency } = (await openExfat(new MemorySource(image.bytes))).info();
  expect(consistency).toEqual({
    state: "raw",
    detail: "not cleanly unmounted, the guest has met read or write errors; exFAT has no journal, shown as it lies",
  });
});

test("TexFAT: only the active table counts", async () => {
  const image = withFiles();
  image.useSecondTable();
  for (const [cluster, next] of [
    [2, 0xffffffff],
    [4, 0xffffffff],
    [10, 11],
    [11, 12],
    [12, 0xffffffff],
  ] as const) {
    image.setLink(cluster, next, 1);
  }
  expect(everyCluster(await readFile(image, "chain"))).toEqual([10, 11, 12]);
  expect((await openExfat(image.source())).info().features).toEqual(["texfat"]);
});

test("times say how far they are from UTC, if they say it", () => {
  const noon = 0x5821_6000;
  const hours = (zone: number) => Number((exfatTime(noon, zone) - exfatTime(noon, 0)) / 3_600_000_000_000n);
  expect(new Date(Number(exfatTime(noon, 0, 150) / 1_000_000n)).toISOString()).toBe("2024-01-01T12:00:01.500Z");
  expect([hours(0x80), hours(0x84), hours(0xf0), hours(0x04)]).toEqual([0, -1, 4, 0]);
});
