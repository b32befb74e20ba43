import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { nameFromText } from "../../../src/bytes/byte-name.ts";
import type { FileSystem } from "../../../src/disk/filesystem/file-system.ts";
import { openNtfs } from "../../../src/disk/filesystem/ntfs/ntfs-file-system.ts";
import { WOF_FORMATS, WofSource } from "../../../src/disk/filesystem/ntfs/wof-source.ts";
import { VmfrError } from "../../../src/errors.ts";
import { FileSource } from "../../../src/source/file-source.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { formatImage, NTFS_PACKAGES, tool, withNtfsMount } from "./images.ts";
import { type PackedResource, packResources, WIM_PACKAGES } from "./wim.ts";

beforeAll(() => requireDebianPackages(...NTFS_PACKAGES, ...WIM_PACKAGES, "attr"));

/** Machine code, text, long runs, and what does not become smaller; sizes around the edges of chunks. */
function contents(): Uint8Array[] {
  const code = readFileSync("/usr/bin/python3");
  const numbers = Buffer.from(Array.from({ length: 40_000 }, (_, index) => `${index * 7}\n`).join(""));
  let state = 1;
  const noise = Uint8Array.from({ length: 70_001 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
  const mixed = Buffer.concat([noise.subarray(0, 40_000), numbers.subarray(0, 40_000), noise.subarray(0, 9000)]);
  const edges = [300, 4095, 4096, 4097, 8191, 8193, 16_385, 32_767, 32_768, 32_769, 65_536, 65_537];
  return [
    code.subarray(0, 600_000),
    numbers,
    mixed,
    Buffer.alloc(200_003),
    ...edges.map((size) => numbers.subarray(0, size)),
  ];
}

const PACKINGS = ["XPRESS:4K", "LZX:32K", "XPRESS:8K", "XPRESS:16K"];
const readAll = async (resource: PackedResource, packing: number): Promise<Uint8Array> => {
  const format = WOF_FORMATS[packing];
  if (format === undefined) throw new Error(`packing ${packing}`);
  const source = new WofSource(new MemorySource(resource.packed), resource.content.length, format, "resource");
  return source.read(0, source.size);
};

test.each(PACKINGS.map((compression, packing) => ({ compression, packing })))(
  "$compression: what wimlib packed unpacks to the same bytes; damaged, to the same or a named error",
  async ({ compression, packing }) => {
    const resources = await packResources(contents(), compression, scratchDirectory());
    expect(resources.length).toBeGreaterThan(10);
    for (const resource of resources) {
      expect(Buffer.compare(await readAll(resource, packing), resource.content), `${resource.content.length}`).toBe(0);
      tally(`wof ${compression} bytes equal to what wimlib packed`, resource.content.length);
    }
    const [small] = resources.toSorted((left, right) => left.packed.length - right.packed.length);
    for (let at = 0; small !== undefined && at < small.packed.length; at++) {
      const damaged = Uint8Array.from(small.packed);
      damaged[at] = (damaged[at] as number) ^ (1 << (at % 8));
      // The format has no checksum: other bytes are possible, escaping errors and hanging are not.
      const outcome = await readAll({ ...small, packed: damaged }, packing).catch((error: unknown) => error);
      if (outcome instanceof Error && !(outcome instanceof VmfrError)) throw outcome;
    }
  },
);

/** Tag, length, reserved; version 1, provider "file"; version 1, packing. */
function wofReparsePoint(packing: number): Buffer {
  const value = Buffer.alloc(24);
  value.writeUInt32LE(0x8000_0017, 0);
  value.writeUInt16LE(16, 4);
  [1, 2, 1, packing].forEach((word, index) => {
    value.writeUInt32LE(word, 8 + 4 * index);
  });
  return value;
}

async function contentOf(fileSystem: FileSystem, name: string): Promise<Uint8Array> {
  const entry = await fileSystem.lookup(fileSystem.root, nameFromText(name));
  if (entry === undefined) throw new Error(`${name} is missing`);
  expect(await fileSystem.streams?.(entry.node)).toEqual([]);
  const source = await fileSystem.openFile(entry.node);
  return source.read(0, source.size);
}

test("compact files on a volume read as their content, by every packing", async () => {
  const directory = scratchDirectory();
  const image = path.join(directory, "image");
  await formatImage(image, { size: 24, clusterSize: 4096 });
  const expected = new Map<string, Uint8Array>();
  await withNtfsMount(image, "streams_interface=windows", async (mountPoint) => {
    for (const [packing, compression] of PACKINGS.entries()) {
      const resources = await packResources(contents().slice(0, 6), compression, directory);
      for (const { packed, content } of resources) {
        const name = `${compression.replace(":", "-")}-${content.length}`;
        const file = path.join(mountPoint, name);
        writeFileSync(file, "");
        truncateSync(file, content.length);
        writeFileSync(`${file}:WofCompressedData`, packed);
        const value = `0x${wofReparsePoint(packing).toString("hex")}`;
        await tool("setfattr", "-h", "-n", "system.ntfs_reparse_data", "-v", value, file);
        expected.set(name, content);
      }
    }
  });
  const source = await FileSource.open(image);
  try {
    const fileSystem = await openNtfs(source);
    for (const [name, content] of expected) {
      expect(Buffer.compare(await contentOf(fileSystem, name), content), name).toBe(0);
    }
    tally("ntfs compact files equal to what was packed", expected.size);
  } finally {
    await source.close();
  }
});
