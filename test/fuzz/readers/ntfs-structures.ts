/** The structures of an NTFS image. Changes keep clear of the sectors' ends, so that the update sequence stays right. */
import type { Structure } from "./mutate.ts";

const SECTOR = 512;
const RECORD = 1024;
const INDEX_BLOCK = 4096;
const BOOT_FIELDS = 0x54;

/** The stretches of a record between the sectors' ends. */
function stretches(kind: string, start: number, length: number): Structure[] {
  return Array.from({ length: length / SECTOR }, (_, sector) => ({
    kind: `${kind}, sector ${sector}`,
    start: start + sector * SECTOR,
    length: SECTOR - 2,
  }));
}

export function ntfsStructures(image: Uint8Array): Structure[] {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.length);
  const structures: Structure[] = [{ kind: "boot sector", start: 0, length: BOOT_FIELDS }];
  for (let start = 0; start < bytes.length; start += SECTOR) {
    const magic = bytes.toString("latin1", start, start + 4);
    if (magic === "FILE" && bytes.readUInt16LE(start + 0x16) !== 0) structures.push(...fileRecord(bytes, start));
    if (magic === "INDX") structures.push(...stretches("index block", start, INDEX_BLOCK));
  }
  return structures;
}

/** Its header, its attributes one by one, and the whole of it. */
function fileRecord(bytes: Buffer, start: number): Structure[] {
  const found: Structure[] = [{ kind: "record header", start, length: 0x30 }];
  let at = bytes.readUInt16LE(start + 0x14);
  while (at + 16 < RECORD) {
    const type = bytes.readUInt32LE(start + at);
    const length = bytes.readUInt32LE(start + at + 4);
    if (type === 0xffffffff || length < 16 || at + length > RECORD) break;
    const end = Math.min(length, at < SECTOR ? SECTOR - 2 - at : RECORD - 2 - at);
    if (end > 0) found.push({ kind: `attribute 0x${type.toString(16)}`, start: start + at, length: end });
    at += length;
  }
  return [...found, ...stretches("file record", start, RECORD)];
}
