/** $LogFile's restart pages: whether the volume was closed in order (libfsntfs, "The log file"). */
import { CorruptDataError } from "../../../errors.ts";
import { ATTRIBUTE } from "./attribute.ts";
import { openValue } from "./content.ts";
import { attributeValue, type FileNode } from "./file-node.ts";
import { recordPlace } from "./file-record.ts";
import { applyFixups } from "./fixup.ts";
import { sizeOf } from "./value.ts";
import type { Volume } from "./volume.ts";

const MAGIC = "RSTR";
const NO_CLIENT = 0xffff;
const IS_CLEAN = 0x0002;
/** The first page's header says how large pages are; before that this much is read. */
const SMALLEST_PAGE = 512;
const LARGEST_PAGE = 64 * 1024;

interface RestartPage {
  readonly lsn: bigint;
  readonly isClean: boolean;
  readonly pageSize: number;
}

/**
 * What the log says against the volume, or undefined when it was closed in order.
 * @throws CorruptDataError when neither restart page is intact
 */
export async function describeLog(volume: Volume, file: FileNode, signal?: AbortSignal): Promise<string | undefined> {
  const value = attributeValue(file, ATTRIBUTE.DATA);
  if (value === undefined) throw new CorruptDataError(recordPlace(file.number), "$LogFile has no $DATA");
  const log = openValue({ ...volume, data: volume.metadata }, value, file.number);
  const start = await log.read(0, Math.min(sizeOf(value), 2 * SMALLEST_PAGE), signal);
  // What chkdsk, ntfs-3g and mkfs leave: a log that Windows starts anew.
  if (start.every((byte) => byte === 0xff)) return undefined;
  const read = async (offset: number, pageSize: number): Promise<RestartPage> => {
    const place = { ...recordPlace(file.number), structure: `$LogFile, restart page at ${offset}` };
    if (offset + pageSize > log.size) throw new CorruptDataError(place, "lies outside the log");
    return parseRestartPage(await log.read(offset, pageSize, signal), place.structure);
  };
  const pageSize = start.length < 20 ? 0 : Buffer.from(start).readUInt32LE(16);
  const pages: RestartPage[] = [];
  let failure: unknown;
  const isSize = pageSize >= SMALLEST_PAGE && pageSize <= LARGEST_PAGE && pageSize % SMALLEST_PAGE === 0;
  const size = isSize ? pageSize : 4096;
  for (const offset of [0, size]) {
    try {
      pages.push(await read(offset, size));
    } catch (error) {
      if (!(error instanceof CorruptDataError)) throw error;
      failure ??= error;
    }
  }
  const [current] = pages.toSorted((left, right) => (left.lsn > right.lsn ? -1 : 1));
  if (current === undefined) throw failure;
  return current.isClean ? undefined : "the volume was not cleanly unmounted";
}

function parseRestartPage(bytes: Uint8Array, structure: string): RestartPage {
  const cursor = applyFixups(bytes, MAGIC, { format: "ntfs", structure });
  const area = cursor.u16le(24);
  const clients = cursor.u16le(area + 12);
  const flags = cursor.u16le(area + 14);
  return {
    lsn: cursor.u64leBig(area),
    isClean: clients === NO_CLIENT || (flags & IS_CLEAN) !== 0,
    pageSize: cursor.u32le(16),
  };
}
