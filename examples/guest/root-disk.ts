/** The layout of the root disk: GPT with BIOS boot, /boot and /. Sizes and offsets are bytes. */
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from "node:fs";

const MIB = 1024 * 1024;
export const ROOT_DISK_SIZE = 64 * MIB;
export const BOOT = { offset: 2 * MIB, size: 14 * MIB };
export const ROOT = { offset: 16 * MIB, size: 47 * MIB };

/** Partition names, types and UUIDs are fixed, so that the disk is the same in every build. */
export function createPartitionTable(image: string): void {
  writeFileSync(image, "");
  truncateSync(image, ROOT_DISK_SIZE);
  const sectors = (bytes: number) => bytes / 512;
  const script = [
    "label: gpt",
    "label-id: 3C6D1B2E-9F40-4E1A-8B57-61D2C0A4F9E3",
    `start=${sectors(MIB)}, size=${sectors(MIB)}, type=21686148-6449-6E6F-744E-656564454649, uuid=A1F6C0D2-3B47-4C58-9D60-0E1F2A3B4C51, name="bios"`,
    `start=${sectors(BOOT.offset)}, size=${sectors(BOOT.size)}, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=A1F6C0D2-3B47-4C58-9D60-0E1F2A3B4C52, name="boot"`,
    `start=${sectors(ROOT.offset)}, size=${sectors(ROOT.size)}, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, uuid=A1F6C0D2-3B47-4C58-9D60-0E1F2A3B4C53, name="root"`,
  ].join("\n");
  execFileSync("/usr/sbin/sfdisk", ["--quiet", image], { input: `${script}\n` });
}

/** Copies a file system's image into its place on the disk. */
export function writePartition(disk: string, fileSystem: string, offset: number): void {
  const descriptor = openSync(disk, "r+");
  const bytes = readFileSync(fileSystem);
  writeSync(descriptor, bytes, 0, bytes.length, offset);
  closeSync(descriptor);
}
