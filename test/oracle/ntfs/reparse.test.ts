import { readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { nameFromText, splitPath } from "../../../src/bytes/byte-name.ts";
import type { FileSystem, NodeId } from "../../../src/disk/filesystem/file-system.ts";
import { openNtfs } from "../../../src/disk/filesystem/ntfs/ntfs-file-system.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { formatImage, NTFS_PACKAGES, tool, withNtfsMount } from "./images.ts";

const CLUSTER = 1024;
const RECORD = 1024;

beforeAll(() => requireDebianPackages(...NTFS_PACKAGES));

/** A small image, filled by parts of populate.py and then by `more`. */
async function makeVolume(parts: readonly string[], more?: (mountPoint: string) => Promise<void>): Promise<Buffer> {
  const directory = scratchDirectory();
  const image = path.join(directory, "image");
  await formatImage(image, { size: 4, clusterSize: CLUSTER });
  const script = path.join(import.meta.dirname, "populate.py");
  await withNtfsMount(image, "streams_interface=xattr", async (mountPoint) => {
    await tool("/usr/bin/python3", script, mountPoint, String(CLUSTER), ...parts);
    await more?.(mountPoint);
  });
  return readFileSync(image);
}

async function find(fileSystem: FileSystem, name: string): Promise<NodeId> {
  let node = fileSystem.root;
  for (const part of splitPath(nameFromText(name))) {
    const entry = await fileSystem.lookup(node, part);
    if (entry === undefined) throw new Error(`${name} is missing`);
    node = entry.node;
  }
  return node;
}

/** Where a record lies: the first run of the table holds all of a new volume's. */
function recordOffset(image: Buffer, node: NodeId): number {
  return Number(image.readBigUInt64LE(0x30)) * CLUSTER + (node % 2 ** 32) * RECORD;
}

/** Offset of an attribute in the image. */
function attributeOffset(image: Buffer, record: number, type: number): number {
  for (let offset = record + image.readUInt16LE(record + 0x14); ; offset += image.readUInt32LE(offset + 4)) {
    const found = image.readUInt32LE(offset);
    if (found === type) return offset;
    if (found === 0xffff_ffff) throw new Error(`no attribute 0x${type.toString(16)}`);
  }
}

const ATTRIBUTE_LIST = 0x20;
const DATA = 0x80;
const VOLUME_INFORMATION = 0x70;

async function openChanged(image: Buffer, name: string, change: (copy: Buffer, record: number) => void) {
  const node = await find(await openNtfs(new MemorySource(image)), name);
  const copy = Buffer.from(image);
  change(copy, recordOffset(copy, node));
  return { fileSystem: await openNtfs(new MemorySource(copy)), node };
}

test("junctions and symbolic links lead where Windows would, as paths of the volume", async () => {
  const image = await makeVolume(["junctions", "reparse-points"]);
  const fileSystem = await openNtfs(new MemorySource(image));
  const targetOf = async (name: string) =>
    Buffer.from(await fileSystem.readLink(await find(fileSystem, `junctions/${name}`))).toString();
  expect(await targetOf("junction")).toBe("../Users/Public");
  expect(await targetOf("other case")).toBe("../Users/Public");
  expect(await targetOf("symlinkd")).toBe("../Users");
  expect(await targetOf("relative")).toBe("../Users/Public");
  expect(await targetOf("file")).toBe("../Users/Public/note.txt");
  expect(await targetOf("other drive")).toBe("D:\\Elsewhere");
  expect(await targetOf("volume")).toBe("\\??\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\");
  expect(await targetOf("wsl")).toBe("/usr/bin/größe");
});

test.each([
  ["deduplicated", /Data Deduplication, reparse point 0x80000013/],
  ["cloud", /cloud file .*0x9000601a/],
  ["alias", /app execution alias, reparse point 0x8000001b/],
  ["unknown", /reparse point 0x00001234/],
  ["image", /WIMBoot/],
])("%s: listed, its content refused by name", async (name, message) => {
  const image = await makeVolume(["reparse-points"]);
  const fileSystem = await openNtfs(new MemorySource(image));
  const node = await find(fileSystem, `junctions/${name}`);
  expect((await fileSystem.stat(node)).type).toBe("file");
  expect((await fileSystem.stat(node)).flags).toContain("reparse-point");
  await expect(fileSystem.openFile(node)).rejects.toThrow(message);
});

test("a cloud file whose bytes are all on the disk is read", async () => {
  const fileSystem = await openNtfs(new MemorySource(await makeVolume(["reparse-points"])));
  const file = await fileSystem.openFile(await find(fileSystem, "junctions/cloud, local"));
  expect(Buffer.from(await file.read(0, file.size)).toString()).toBe("all of it is here");
});

test("an encrypted file is refused by name", async () => {
  const image = await makeVolume(["sizes"]);
  const { fileSystem, node } = await openChanged(image, "sizes/00004095", (copy, record) => {
    copy.writeUInt16LE(0x4000, attributeOffset(copy, record, DATA) + 0x0c);
  });
  await expect(fileSystem.openFile(node)).rejects.toThrow(/encrypted file \(EFS\)/);
});

test("what was never written reads as zeros: initialised size below the file's size", async () => {
  const image = await makeVolume(["sizes"]);
  const whole = await openChanged(image, "sizes/00004096", () => undefined);
  const before = await (await whole.fileSystem.openFile(whole.node)).read(0, 4096);
  const { fileSystem, node } = await openChanged(image, "sizes/00004096", (copy, record) => {
    copy.writeBigUInt64LE(1500n, attributeOffset(copy, record, DATA) + 0x38);
  });
  const file = await fileSystem.openFile(node);
  const expected = Buffer.concat([before.subarray(0, 1500), Buffer.alloc(4096 - 1500)]);
  expect(Buffer.compare(await file.read(0, 4096), expected)).toBe(0);
  const extents = [];
  for await (const extent of file.extents()) extents.push(extent);
  expect(extents).toEqual([
    { offset: 0, length: 1500, kind: "data" },
    { offset: 1500, length: 2596, kind: "hole" },
  ]);
});

test("a table that continues itself in a circle is refused, not followed for ever", async () => {
  const image = await makeVolume(["streams"]);
  const { fileSystem, node } = await openChanged(image, "streams/many", (copy, record) => {
    const list = attributeOffset(copy, record, ATTRIBUTE_LIST);
    const first = copy.readUInt8(list + 8) === 0 ? list + copy.readUInt16LE(list + 0x14) : firstRun(copy, list);
    const length = copy.readUInt8(list + 8) === 0 ? copy.readUInt32LE(list + 0x10) : copy.readUInt32LE(list + 0x30);
    // Every listed attribute is said to be in the first record, the one that lists them.
    for (let at = first; at < first + length; at += copy.readUInt16LE(at + 4)) {
      copy.copy(copy, at + 16, first + 16, first + 24);
    }
  });
  await expect(fileSystem.stat(node)).rejects.toThrow(/MFT record \d+/);
});

test("names are found whatever their case, the exact one first", async () => {
  const fileSystem = await openNtfs(new MemorySource(await makeVolume(["names", "dos-names"])));
  const nameOf = async (wanted: string) => {
    const found = await fileSystem.lookup(await find(fileSystem, "names"), nameFromText(wanted));
    return found === undefined ? undefined : Buffer.from(found.name).toString();
  };
  expect(await nameOf("PLAIN.txt")).toBe("plain.txt");
  expect(await nameOf("GRÖSSE.TXT")).toBeUndefined();
  expect(await nameOf("GRÖßE.TXT")).toBe("größe.txt");
  expect(await nameOf("Case")).toBe("Case");
  expect(await nameOf("CASE")).toBe("CASE");
  // Three names differ in case alone: none of them is meant.
  expect(await nameOf("cAsE")).toBeUndefined();
  const listed = await find(fileSystem, "dos/a long file name 07.text");
  expect(await find(fileSystem, "dos/alongf07.tex")).toBe(listed);
});

test("dirty, hibernated, and a log that was not closed are said", async () => {
  const image = await makeVolume(["hibernated"]);
  const awake = await makeVolume(["sizes"]);
  expect((await openNtfs(new MemorySource(awake))).info().consistency).toEqual({ state: "clean", detail: "clean" });
  expect((await openNtfs(new MemorySource(image))).info().consistency.detail).toMatch(/hibernated/);

  const dirty = Buffer.from(awake);
  const flags = attributeOffset(dirty, recordOffset(dirty, 3), VOLUME_INFORMATION);
  dirty.writeUInt16LE(1, flags + dirty.readUInt16LE(flags + 0x14) + 10);
  expect((await openNtfs(new MemorySource(dirty))).info().consistency).toMatchObject({
    state: "raw",
    detail: expect.stringContaining("marked dirty"),
  });

  for (const [inUse, state] of [
    [0, "raw"],
    [0xffff, "clean"],
  ] as const) {
    const logged = Buffer.from(awake);
    restartPage(inUse).copy(logged, firstRun(logged, attributeOffset(logged, recordOffset(logged, 2), DATA)));
    expect((await openNtfs(new MemorySource(logged))).info().consistency.state).toBe(state);
  }
});

/** Where the first run of an attribute lies, which a new volume lays out with few bytes. */
function firstRun(image: Buffer, attribute: number): number {
  const pairs = attribute + image.readUInt16LE(attribute + 0x20);
  const lengthBytes = image.readUInt8(pairs) & 15;
  const placeBytes = image.readUInt8(pairs) >> 4;
  return image.readUIntLE(pairs + 1 + lengthBytes, placeBytes) * CLUSTER;
}

/** A restart page as Windows writes it, with or without a client that has not left. */
function restartPage(clientInUse: number): Buffer {
  const page = Buffer.alloc(4096);
  page.write("RSTR", 0, "latin1");
  page.writeUInt16LE(0x1e, 4);
  page.writeUInt16LE(9, 6);
  page.writeUInt32LE(4096, 16);
  page.writeUInt32LE(4096, 20);
  page.writeUInt16LE(0x30, 24);
  page.writeUInt16LE(clientInUse, 0x30 + 12);
  page.writeUInt16LE(1, 0x1e);
  for (let end = 510; end < page.length; end += 512) page.writeUInt16LE(1, end);
  return page;
}
