/**
 * Multi-sector structures (MFT records, index blocks, log pages) carry a number in the last two bytes of
 * every 512, so that a torn write shows; the bytes that belong there wait in the update sequence array
 * (libfsntfs, "The fix-up values").
 */
import { Cursor } from "../../../bytes/cursor.ts";
import type { CorruptionPlace } from "../../../errors.ts";

/** Always 512, whatever the sector size. */
const STRIDE = 512;

/**
 * @param bytes the structure as it lies on the disk, a multiple of 512 bytes
 * @param magic its first four bytes, as text
 * @returns a copy with the bytes put back
 * @throws CorruptDataError for another magic, a bad array, or a write that did not reach every sector
 */
export function applyFixups(bytes: Uint8Array, magic: string, place: CorruptionPlace): Cursor {
  const fixed = new Uint8Array(bytes);
  const cursor = new Cursor(fixed, place);
  const found = cursor.ascii(0, 4);
  if (found !== magic) throw cursor.corrupt(found === "BAAD" ? "chkdsk marked it as bad" : `no ${magic} signature`);
  const offset = cursor.u16le(4);
  const sectors = cursor.u16le(6) - 1;
  if (sectors * STRIDE !== bytes.length || offset % 2 !== 0 || offset + 2 + 2 * sectors > STRIDE - 2) {
    throw cursor.corrupt("update sequence array does not fit");
  }
  const number = cursor.u16le(offset);
  for (let sector = 0; sector < sectors; sector++) {
    const end = (sector + 1) * STRIDE - 2;
    if (cursor.u16le(end) !== number) throw cursor.corrupt(`torn write: sector ${sector} is of another time`);
    fixed[end] = cursor.u8(offset + 2 + 2 * sector);
    fixed[end + 1] = cursor.u8(offset + 3 + 2 * sector);
  }
  return cursor;
}
