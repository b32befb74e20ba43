import { expect, test } from "vitest";
import { CLUSTER, longNameSlots, TinyFat } from "../../../../test/fixtures/fat/tiny-fat.ts";
import { nameFromText } from "../../../bytes/byte-name.ts";
import type { CodePage } from "./code-page.ts";
import { openFat } from "./fat-file-system.ts";

const SHORT = "LONGNA~1TXT";

/** Names of the root directory, and the error that came after them. */
async function list(image: TinyFat, codePage?: CodePage): Promise<{ names: string[]; error?: string }> {
  const fileSystem = await openFat(image.source(), codePage === undefined ? {} : { codePage });
  const names: string[] = [];
  try {
    for await (const batch of fileSystem.readDirectory(fileSystem.root)) {
      names.push(...batch.map(({ name }) => Buffer.from(name).toString()));
    }
  } catch (error) {
    return { names, error: (error as Error).message };
  }
  return { names };
}

/** Content of a file in the root directory. */
async function readFile(image: TinyFat, name: string): Promise<Uint8Array> {
  const fileSystem = await openFat(image.source());
  const entry = await fileSystem.lookup(fileSystem.root, nameFromText(name));
  if (entry === undefined) throw new Error(`${name} is not there`);
  const source = await fileSystem.openFile(entry.node);
  return source.read(0, source.size);
}

/** A file of three clusters, 5, 6 and 9. */
function withFile(): TinyFat {
  const image = new TinyFat();
  image.setChain(5, 6, 9);
  image.putShort({ name: "FILE    BIN", cluster: 5, size: 3 * CLUSTER - 12 });
  for (const cluster of [5, 6, 9]) {
    image.bytes.fill(cluster, image.clusterOffset(cluster), image.clusterOffset(cluster) + CLUSTER);
  }
  return image;
}

test.each([12, 16] as const)("links of %d bits, at odd and even places", async (bits) => {
  const image = new TinyFat(bits);
  const chain = [2, 4, 3, 7, 6, 60, 61, 20];
  image.setChain(...chain);
  image.putShort({ name: "FILE       ", cluster: 2, size: chain.length * CLUSTER });
  for (const cluster of chain) image.bytes.writeUInt8(cluster, image.clusterOffset(cluster));
  const content = await readFile(image, "file");
  expect(chain.map((_, index) => content[index * CLUSTER])).toEqual(chain);
});

test("the first byte 0xe5 is stored as 0x05, and as itself means deleted", async () => {
  const image = new TinyFat();
  image.putShort({ name: "\x05NE     TXT" });
  image.putShort({ name: "\xe5NE     TXT" });
  expect(await list(image, 850)).toEqual({ names: ["ÕNE.TXT"] });
  // The same again: what was read must not have been changed.
  expect((await list(image, 437)).names).toEqual(["σNE.TXT"]);
});

test("short names in every code page, and in lower case by Windows NT's flags", async () => {
  const image = new TinyFat();
  image.putShort({ name: "\x8eB\x80     TXT", caseFlags: 0x10 });
  image.putShort({ name: "\x8e\x9a      TXT", caseFlags: 0x08 });
  expect((await list(image)).names).toEqual(["ÄBÇ.txt", "äü.TXT"]);
  expect((await list(image, 1252)).names).toEqual(["ŽB€.txt", "žš.TXT"]);
});

test("a long name belongs to its short name only with its checksum", async () => {
  const image = new TinyFat();
  for (const slot of longNameSlots("Long name here.txt", SHORT)) image.putSlot(slot);
  image.putShort({ name: SHORT });
  for (const slot of longNameSlots("Another long name.txt", "OTHER   TXT", 1)) image.putSlot(slot);
  image.putShort({ name: "OTHER   TXT" });
  expect(await list(image)).toEqual({ names: ["Long name here.txt", "OTHER.TXT"] });
});

test("pieces of long names that belong to nothing are left out", async () => {
  const image = new TinyFat();
  const [last, first] = longNameSlots("twenty-six characters long", SHORT) as [Buffer, Buffer];
  // A deleted slot in between, the wrong order, the second piece alone, a label in front of the short name.
  for (const slot of [last, first, Buffer.from(`\xe5${"x".repeat(31)}`, "latin1")]) image.putSlot(slot);
  image.putShort({ name: SHORT });
  for (const slot of [first, last]) image.putSlot(slot);
  image.putShort({ name: "B       TXT" });
  image.putSlot(first);
  image.putShort({ name: "C       TXT" });
  for (const slot of longNameSlots("a label", SHORT)) image.putSlot(slot);
  image.putShort({ name: "LABEL      ", attributes: 0x08 });
  image.putShort({ name: SHORT.replace("1", "2") });
  image.putSlot(last);
  expect(await list(image)).toEqual({ names: ["LONGNA~1.TXT", "B.TXT", "C.TXT", "LONGNA~2.TXT"] });
  expect((await openFat(image.source())).info().label).toBe("LABEL");
});

test("names that lead nowhere: dots as a long name, a slash, nothing but spaces", async () => {
  const image = new TinyFat();
  for (const slot of longNameSlots("a/b", "SLASH      ")) image.putSlot(slot);
  image.putShort({ name: "SLASH      " });
  for (const slot of longNameSlots("..", SHORT)) image.putSlot(slot);
  image.putShort({ name: SHORT });
  image.putShort({ name: "           " });
  image.putShort({ name: "LAST       " });
  const { names, error } = await list(image);
  expect(names).toEqual(["LONGNA~1.TXT", "LAST"]);
  expect(error).toMatch(/directory entry at byte 1056: has no usable name/);
});

test("lookup: as listed, in another case, by the short name, and not otherwise", async () => {
  const image = new TinyFat();
  for (const slot of longNameSlots("Größe ſ.txt", SHORT)) image.putSlot(slot);
  const node = image.putShort({ name: SHORT }) / 32;
  image.putShort({ name: "TWIN    TXT" });
  const twin = image.putShort({ name: "TWIN    TXT", caseFlags: 0x18 }) / 32;
  const fileSystem = await openFat(image.source());
  const find = async (name: Uint8Array) => (await fileSystem.lookup(fileSystem.root, name))?.node;
  expect(await find(nameFromText("Größe ſ.txt"))).toBe(node);
  expect(await find(nameFromText("GRÖßE ſ.TXT"))).toBe(node);
  expect(await find(nameFromText("longna~1.txt"))).toBe(node);
  expect(await find(nameFromText("GRÖSSE S.TXT"))).toBeUndefined();
  expect(await find(Uint8Array.of(0xff, 0xfe))).toBeUndefined();
  expect(await find(nameFromText("twin.txt"))).toBe(twin);
});

test("directories that lead back up: a damaged dot entry, and one that is its own child", async () => {
  const image = new TinyFat();
  image.putShort({ name: "DIR        ", attributes: 0x10, cluster: 8 });
  image.setChain(8);
  image.putShort({ name: ".    x     ", attributes: 0x10, cluster: 8 }, 8);
  image.putShort({ name: "..  ?      ", attributes: 0x10, cluster: 0 }, 8);
  image.putShort({ name: "SELF       ", attributes: 0x10, cluster: 8 }, 8);
  image.putShort({ name: "FILE       " }, 8);
  const fileSystem = await openFat(image.source());
  const directory = await fileSystem.lookup(fileSystem.root, nameFromText("dir"));
  const names: string[] = [];
  const reading = (async () => {
    for await (const batch of fileSystem.readDirectory(directory?.node ?? -1)) {
      names.push(...batch.map(({ name }) => Buffer.from(name).toString()));
    }
  })();
  await expect(reading).rejects.toThrow(/has no usable name/);
  expect(names).toEqual(["FILE"]);
});

test("a boot sector that leads to no allocation table is refused", async () => {
  const image = withFile();
  image.bytes.writeUInt16LE(3, 14);
  await expect(openFat(image.source())).rejects.toThrow(/no allocation table lies where it says/);
});

const CHAINS: [what: string, damage: (image: TinyFat) => void, problem: RegExp][] = [
  ["a loop", (image) => image.setLink(6, 5), /its chain of clusters is a loop/],
  ["a cluster that follows itself", (image) => image.setLink(6, 6), /its chain of clusters is a loop/],
  ["a cluster that does not exist", (image) => image.setLink(6, 66), /cluster 6 is followed by cluster 66, which/],
  ["a reserved number", (image) => image.setLink(6, 1), /cluster 6 is followed by cluster 1, which/],
  ["a free cluster", (image) => image.setLink(6, 0), /cluster 6 is marked free/],
  ["a bad cluster", (image) => image.setLink(6, 0xff7), /cluster 6 is marked bad/],
  ["too few clusters", (image) => image.setLink(6, 0xff8), /1524 bytes need 3 clusters, it has 2/],
  ["a free cluster as its last one", (image) => image.setLink(9, 0), /cluster 9 is marked free/],
  ["a cluster of another file", (image) => image.setChain(20, 21, 9), /cluster 6 is followed by cluster 9, as another/],
  [
    "another one's second cluster as its first",
    (image) => image.bytes.writeUInt16LE(6, image.rootOffset + 26),
    /begins at cluster 6, which is not the first of its chain/,
  ],
  ["no first cluster", (image) => image.bytes.writeUInt16LE(0, image.rootOffset + 26), /begins at cluster 0 of 64/],
];

test.each(CHAINS)("a chain with %s refuses its file", async (_what, damage, problem) => {
  const image = withFile();
  expect((await readFile(image, "FILE.BIN")).at(-1)).toBe(9);
  damage(image);
  await expect(readFile(image, "FILE.BIN")).rejects.toThrow(problem);
  expect((await list(image)).names).toEqual(["FILE.BIN"]);
});

test("a chain that goes on behind the end of its file, even wrongly, does not matter", async () => {
  const image = withFile();
  image.setChain(5, 6, 9, 10);
  image.setLink(10, 0);
  expect((await readFile(image, "FILE.BIN")).length).toBe(3 * CLUSTER - 12);
  image.setChain(5, 6, 9, 10, 11);
  image.setLink(11, 10);
  expect((await readFile(image, "FILE.BIN")).length).toBe(3 * CLUSTER - 12);
});

test("a directory whose chain is a loop is listed once, then named", async () => {
  const image = new TinyFat();
  image.putShort({ name: "DIR        ", attributes: 0x10, cluster: 8 });
  image.setChain(8, 9);
  image.setLink(9, 8);
  for (const cluster of [8, 9]) {
    for (let index = 0; index < 16; index++) image.putShort({ name: `F${cluster}-${index}`.padEnd(11) }, cluster);
  }
  const fileSystem = await openFat(image.source());
  const directory = await fileSystem.lookup(fileSystem.root, nameFromText("dir"));
  let count = 0;
  const reading = (async () => {
    for await (const batch of fileSystem.readDirectory(directory?.node ?? -1)) count += batch.length;
  })();
  await expect(reading).rejects.toThrow(/its chain of clusters is a loop/);
  expect(count).toBe(32);
});

test("what the guest has noted: not unmounted, errors met", async () => {
  const image = new TinyFat(16);
  const state = async () => (await openFat(image.source())).info().consistency;
  expect(await state()).toEqual({ state: "clean", detail: "clean" });
  image.bytes.writeUInt8(1, 37);
  expect((await state()).detail).toBe("not cleanly unmounted; FAT has no journal, shown as it lies");
  image.bytes.writeUInt8(0, 37);
  image.bytes.writeUInt16LE(0x3fff, image.tableOffset + 2);
  expect((await state()).detail).toMatch(/^not cleanly unmounted, the guest has met read or write errors;/);
});

test.each([
  ["sectors of 600 bytes", 11, [0x58, 2], /sectors of 600 bytes are impossible/],
  ["clusters of 3 sectors", 13, [3], /clusters of 3 sectors are impossible/],
  ["no table", 16, [0], /no allocation table/],
  ["six tables", 16, [6], /6 allocation tables are impossible/],
  ["a second table that is not there", 16, [2], /copy 2 of the allocation table does not lie where it says/],
  ["a media type", 21, [0x12], /media type 18 is impossible/],
  ["half a sector of root directory", 17, [5, 0], /root directory of 160 bytes is no whole sectors/],
  ["no root directory", 17, [0, 0], /no root directory/],
  ["no room for files", 19, [4, 0], /2048 bytes leave no room for files/],
])("a boot sector with %s is refused", async (_what, offset, bytes, problem) => {
  const image = new TinyFat();
  image.bytes.set(bytes, offset);
  await expect(openFat(image.source())).rejects.toThrow(problem);
});

test("nodes that are no entries", async () => {
  const image = withFile();
  const fileSystem = await openFat(image.source());
  for (const node of [1, image.rootOffset / 32 + 1, 0.5, -1, 2 ** 50]) {
    await expect(fileSystem.stat(node)).rejects.toThrow(/no such file/);
  }
  await expect(fileSystem.openFile(fileSystem.root)).rejects.toThrow(/is a directory/);
  await expect(fileSystem.readLink(image.rootOffset / 32)).rejects.toThrow(/not a symbolic link/);
});
