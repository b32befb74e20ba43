/** The volume's own rules of upper case (specification, section 7.2). */
import { Cursor } from "../../../bytes/cursor.ts";
import { CorruptDataError } from "../../../errors.ts";
import type { SparseSource } from "../../../source/byte-source.ts";
import type { UpcaseTable } from "../fat/fold-name.ts";

const UNITS = 0x1_0000;
/** The next number says how many units stand for themselves. */
const IDENTITY_RUN = 0xffff;

/**
 * @param source the table as it is stored
 * @param checksum as its directory entry gives it
 * @throws CorruptDataError when the checksum does not match or the table has no possible length
 */
export async function readUpcaseTable(
  source: SparseSource,
  checksum: number,
  signal?: AbortSignal,
): Promise<UpcaseTable> {
  const place = { format: "exfat", structure: "upcase table" };
  if (source.size < 2 || source.size > UNITS * 2 || source.size % 2 !== 0) {
    throw new CorruptDataError(place, `${source.size} bytes are impossible`);
  }
  const stored = new Cursor(await source.read(0, source.size, signal), place);
  let sum = 0;
  for (let index = 0; index < stored.length; index++) {
    sum = (((sum << 31) | (sum >>> 1)) + stored.u8(index)) >>> 0;
  }
  if (sum !== checksum) throw stored.corrupt("checksum does not match");
  return expand(stored);
}

function expand(stored: Cursor): UpcaseTable {
  const table = Uint16Array.from({ length: UNITS }, (_, unit) => unit);
  let unit = 0;
  for (let at = 0; at < stored.length && unit < UNITS; at += 2) {
    const upper = stored.u16le(at);
    if (upper === IDENTITY_RUN && at + 2 < stored.length) {
      at += 2;
      unit += stored.u16le(at);
    } else table[unit++] = upper;
  }
  return table;
}
