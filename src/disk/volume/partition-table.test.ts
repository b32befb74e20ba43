import { crc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MemorySource } from "../../source/memory-source.ts";
import { readPartitionTable } from "./partition-table.ts";

const SECTOR = 512;
const SECTORS = 200;

function mbrDisk(entries: readonly (readonly [type: number, first: number, sectors: number])[]): Buffer {
  const disk = Buffer.alloc(SECTORS * SECTOR);
  writeMbr(disk, 0, entries);
  return disk;
}

function writeMbr(disk: Buffer, sector: number, entries: readonly (readonly [number, number, number])[]): void {
  const at = sector * SECTOR;
  disk.writeUInt32LE(0xdeadbeef, at + 440);
  for (const [slot, [type, first, sectors]] of entries.entries()) {
    disk[at + 446 + slot * 16 + 4] = type;
    disk.writeUInt32LE(first, at + 446 + slot * 16 + 8);
    disk.writeUInt32LE(sectors, at + 446 + slot * 16 + 12);
  }
  disk.writeUInt16LE(0xaa55, at + 510);
}

/** A GPT of four entries, primary only. */
function gptDisk(): Buffer {
  const disk = mbrDisk([[0xee, 1, SECTORS - 1]]);
  const entries = disk.subarray(2 * SECTOR, 3 * SECTOR);
  for (let index = 0; index < 4; index++) {
    entries.fill(index + 1, index * 128, index * 128 + 32);
    entries.writeBigUInt64LE(BigInt(40 + index * 10), index * 128 + 32);
    entries.writeBigUInt64LE(BigInt(49 + index * 10), index * 128 + 40);
    entries.write(`part ${index}`, index * 128 + 56, "utf16le");
  }
  const header = disk.subarray(SECTOR, 2 * SECTOR);
  header.write("EFI PART");
  header.writeUInt32LE(92, 12);
  header.writeBigUInt64LE(1n, 24);
  header.writeBigUInt64LE(BigInt(SECTORS - 1), 32);
  header.writeBigUInt64LE(2n, 72);
  header.writeUInt32LE(4, 80);
  header.writeUInt32LE(128, 84);
  header.writeUInt32LE(crc32(entries), 88);
  header.writeUInt32LE(crc32(header.subarray(0, 92)), 16);
  return disk;
}

const tableOf = (disk: Uint8Array, wholeDisk?: "in-boot-sector" | "elsewhere") =>
  readPartitionTable(new MemorySource(disk), wholeDisk === undefined ? {} : { wholeDisk });

test("a boot sector with text where the table would be is no table", async () => {
  const disk = mbrDisk([[0x74, 0x20736b73, 0x2e657361]]);
  expect((await tableOf(disk, "in-boot-sector")).scheme).toBe("none");
  disk[446] = 0x20;
  expect((await tableOf(disk)).scheme).toBe("none");
});

test("Linux's rules for the third and fourth slot of an extended boot record", async () => {
  const disk = mbrDisk([[0x05, 10, 100]]);
  const records = [
    [0x83, 1, 5],
    [0x05, 20, 30],
    [0x83, 2, 3],
    [0x83, 90, 50],
  ] as const;
  writeMbr(disk, 10, records);
  writeMbr(disk, 30, [[0x83, 1, 5]]);
  const { partitions } = await tableOf(disk);
  expect(partitions.map(({ number, offset }) => [number, offset / SECTOR])).toEqual([
    [1, 10],
    [5, 11],
    [6, 12],
    [7, 31],
  ]);
  expect(partitions[1]?.uuid).toBe("deadbeef-05");
});

test("GPT names and identities", async () => {
  const { scheme, partitions, warnings } = await tableOf(gptDisk());
  expect([scheme, partitions.length]).toEqual(["gpt", 4]);
  expect(partitions[1]).toEqual({
    number: 2,
    offset: 50 * SECTOR,
    size: 10 * SECTOR,
    type: "02020202-0202-0202-0202-020202020202",
    name: "part 1",
    uuid: "02020202-0202-0202-0202-020202020202",
  });
  expect(warnings).toEqual(["backup GPT is missing: the disk may have been cut short"]);
});

test("the backup an earlier table left behind a whole-disk file system is not used", async () => {
  const disk = gptDisk();
  const last = disk.subarray((SECTORS - 1) * SECTOR);
  disk.copy(last, 0, SECTOR, 2 * SECTOR);
  last.writeBigUInt64LE(BigInt(SECTORS - 1), 24);
  last.writeUInt32LE(0, 16);
  last.writeUInt32LE(crc32(last.subarray(0, 92)), 16);
  disk.fill(0, 0, 2 * SECTOR);
  expect((await tableOf(disk)).partitions).toHaveLength(4);
  expect((await tableOf(disk, "elsewhere")).scheme).toBe("none");
});

test("damaged tables give partitions or warnings, never a failure", async () => {
  const chain = mbrDisk([
    [0x83, 1, 5],
    [0x0f, 10, 100],
  ]);
  writeMbr(chain, 10, [
    [0x83, 1, 5],
    [0x05, 20, 30],
  ]);
  writeMbr(chain, 30, [[0x83, 1, 5]]);
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(chain, gptDisk()), damage, async (disk, changes) => {
      const damaged = Buffer.from(disk);
      for (const [position, value] of changes) damaged[position % (32 * SECTOR)] = value;
      const { partitions } = await tableOf(damaged);
      expect(partitions.length).toBeLessThanOrEqual(512);
    }),
    { numRuns: 1000 },
  );
});
