/** $UpCase: the upper case of every UTF-16 unit, by which names are sorted and compared. */
import { CorruptDataError, LimitError, PathError } from "../../../errors.ts";
import { ATTRIBUTE } from "./attribute.ts";
import { readWhole } from "./content.ts";
import { attributeValue, type FileNodes } from "./file-node.ts";
import { recordPlace } from "./file-record.ts";
import { SYSTEM_RECORD } from "./master-file-table.ts";
import type { Volume } from "./volume.ts";

const UNITS = 65_536;
const UPCASE_BYTES = UNITS * 2;

export class UpcaseTable {
  readonly #upper: Uint16Array;

  /** @param bytes of $UpCase, little-endian. @throws CorruptDataError when it is no such table */
  constructor(bytes: Uint8Array) {
    if (bytes.length !== UPCASE_BYTES) {
      throw new CorruptDataError(recordPlace(SYSTEM_RECORD.UPCASE), `$UpCase of ${bytes.length} bytes`);
    }
    this.#upper = new Uint16Array(UNITS);
    for (let unit = 0; unit < UNITS; unit++) {
      this.#upper[unit] = (bytes[2 * unit] as number) | ((bytes[2 * unit + 1] as number) << 8);
    }
  }

  /** Single letters as this version of Unicode has them: for volumes whose own table is damaged. */
  static substitute(): UpcaseTable {
    const bytes = Buffer.alloc(UPCASE_BYTES);
    for (let unit = 0; unit < UNITS; unit++) {
      const upper = String.fromCharCode(unit).toUpperCase();
      bytes.writeUInt16LE(upper.length === 1 ? upper.charCodeAt(0) : unit, 2 * unit);
    }
    return new UpcaseTable(bytes);
  }

  /** COLLATION_FILE_NAME without the tie-break: negative when `left` sorts before `right`, 0 when only case differs. */
  compare(left: string, right: string): number {
    const shared = Math.min(left.length, right.length);
    for (let index = 0; index < shared; index++) {
      const difference =
        (this.#upper[left.charCodeAt(index)] as number) - (this.#upper[right.charCodeAt(index)] as number);
      if (difference !== 0) return difference;
    }
    return left.length - right.length;
  }
}

/** The volume's own table, or the substitute with a warning when it cannot be read. */
export async function readUpcase(
  volume: Volume,
  nodes: FileNodes,
  signal?: AbortSignal,
): Promise<{ table: UpcaseTable; warnings: readonly string[] }> {
  try {
    const file = await nodes.read(SYSTEM_RECORD.UPCASE, signal);
    const value = attributeValue(file, ATTRIBUTE.DATA);
    if (value === undefined) throw new CorruptDataError(recordPlace(file.number), "$UpCase has no $DATA");
    return { table: new UpcaseTable(await readWhole(volume, value, file.number, UPCASE_BYTES, signal)), warnings: [] };
  } catch (error) {
    if (!(error instanceof CorruptDataError || error instanceof LimitError || error instanceof PathError)) throw error;
    const warning = `${error.message}; upper and lower case are told apart as Unicode has them`;
    return { table: UpcaseTable.substitute(), warnings: [warning] };
  }
}
