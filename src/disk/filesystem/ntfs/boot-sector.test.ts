import { expect, test } from "vitest";
import { CorruptDataError } from "../../../errors.ts";
import { parseBootSector, probeNtfs } from "./boot-sector.ts";
import { applyFixups } from "./fixup.ts";

interface Fields {
  readonly sectorSize?: number;
  readonly sectorsPerCluster?: number;
  readonly record?: number;
  readonly sectors?: bigint;
  readonly mft?: bigint;
}

function bootSector({
  sectorSize = 512,
  sectorsPerCluster = 8,
  record = 0xf6,
  sectors = 80_000n,
  mft = 4n,
}: Fields = {}) {
  const sector = Buffer.alloc(512);
  sector.write("NTFS    ", 3, "latin1");
  sector.writeUInt16LE(sectorSize, 0x0b);
  sector.writeUInt8(sectorsPerCluster, 0x0d);
  sector.writeBigUInt64LE(sectors, 0x28);
  sector.writeBigUInt64LE(mft, 0x30);
  sector.writeBigUInt64LE(5000n, 0x38);
  sector.writeUInt8(record, 0x40);
  sector.writeUInt8(1, 0x44);
  sector.writeBigUInt64LE(0x0123_4567_89ab_cdefn, 0x48);
  return sector;
}

test("geometry", () => {
  expect(probeNtfs(bootSector())).toBe(true);
  expect(parseBootSector(bootSector())).toEqual({
    sectorSize: 512,
    clusterSize: 4096,
    clusterCount: 10_000,
    recordSize: 1024,
    mftCluster: 4,
    mirrorCluster: 5000,
    serialNumber: "0123456789abcdef",
  });
});

test.each([
  ["clusters of 64 KiB", { sectorsPerCluster: 128 }, 65_536],
  ["clusters of 128 KiB, as a negated exponent", { sectorsPerCluster: 0xf8 }, 131_072],
  ["clusters of 2 MiB", { sectorsPerCluster: 0xf4 }, 2_097_152],
  ["sectors of 4 KiB", { sectorSize: 4096, sectorsPerCluster: 1, record: 0xf4 }, 4096],
])("%s", (_name, fields, clusterSize) => {
  expect(parseBootSector(bootSector(fields)).clusterSize).toBe(clusterSize);
});

test.each([
  ["sectors of no power of two", { sectorSize: 513 }],
  ["clusters of 3 sectors", { sectorsPerCluster: 3 }],
  ["clusters of 4 MiB", { sectorsPerCluster: 0xf3 }],
  ["records of 256 bytes", { record: 0xf8 }],
  ["a table outside the volume", { mft: 10_000n }],
  ["a table in the boot sector", { mft: 0n }],
  ["more sectors than can be counted", { sectors: 2n ** 63n }],
])("%s are refused", (_name, fields) => {
  expect(() => parseBootSector(bootSector(fields))).toThrow(CorruptDataError);
});

/** Two sectors with sequence number 7, whose last bytes were "ab" and "cd". */
function protectedRecord(): Buffer {
  const record = Buffer.alloc(1024);
  record.write("FILE", 0, "latin1");
  record.writeUInt16LE(0x30, 4);
  record.writeUInt16LE(3, 6);
  record.writeUInt16LE(7, 0x30);
  record.write("abcd", 0x32, "latin1");
  record.writeUInt16LE(7, 510);
  record.writeUInt16LE(7, 1022);
  return record;
}

const PLACE = { format: "ntfs", structure: "MFT record 5" };

test("fixups put the bytes back into a copy", () => {
  const record = protectedRecord();
  const fixed = applyFixups(record, "FILE", PLACE);
  expect([fixed.ascii(510, 2), fixed.ascii(1022, 2), record.readUInt16LE(510)]).toEqual(["ab", "cd", 7]);
});

test.each([
  ["a torn write", 1022, 8, /torn write: sector 1/],
  ["an array for another size", 6, 9, /update sequence array/],
  ["an array at an odd place", 4, 0x31, /update sequence array/],
  ["an array over the end of the sector", 4, 508, /update sequence array/],
])("%s is named", (_name, offset, value, message) => {
  const record = protectedRecord();
  record.writeUInt16LE(value, offset);
  expect(() => applyFixups(record, "FILE", PLACE)).toThrow(message);
});

test("what chkdsk marked as bad says so", () => {
  const record = protectedRecord();
  record.write("BAAD", 0, "latin1");
  expect(() => applyFixups(record, "FILE", PLACE)).toThrow(/chkdsk/);
});
