/** A metadata area: a header sector and a ring of text behind it (lvm2 `lib/format_text/format-text.c`). Little-endian. */
import { Cursor } from "../../../bytes/cursor.ts";
import type { Limits } from "../../../bytes/limits.ts";
import { LimitError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import { lvmChecksum } from "./checksum.ts";
import type { DeviceArea } from "./physical-volume.ts";

const HEADER_SIZE = 512;
const MAGIC = " LVM2 x[5A%r0N*>";
const VERSION = 1;
/** In the flags of a text's place: the area is kept empty on purpose. */
const IGNORED = 1;

const HEADER = { crc: 0, checked: 4, magic: 4, version: 20, start: 24, size: 32, texts: 40 } as const;
const TEXT = { offset: 0, size: 8, crc: 16, flags: 20 } as const;

/**
 * The committed text of an area; undefined when the area holds none, as in a physical volume that belongs to
 * no group or keeps no copy.
 * @throws CorruptDataError when a checksum does not match or a place lies outside; LimitError; SourceError
 */
export async function readMetadataArea(
  source: ByteSource,
  area: DeviceArea,
  limits: Pick<Limits, "lvmMetadata">,
  signal?: AbortSignal,
): Promise<Uint8Array | undefined> {
  const place = { format: "lvm2", structure: "metadata area header", byteOffset: area.offset };
  const header = new Cursor(await readInside(source, area.offset, HEADER_SIZE, place, signal), place);
  if (lvmChecksum(header.slice(HEADER.checked, HEADER_SIZE - HEADER.checked)) !== header.u32le(HEADER.crc)) {
    throw header.corrupt("checksum does not match");
  }
  if (Buffer.from(header.slice(HEADER.magic, MAGIC.length)).toString("latin1") !== MAGIC)
    throw header.corrupt("no magic number");
  if (header.u32le(HEADER.version) !== VERSION)
    throw header.corrupt(`version ${header.u32le(HEADER.version)} is unknown`);
  if (header.u64le(HEADER.start) !== area.offset) throw header.corrupt("says that it lies elsewhere");
  const areaSize = header.u64le(HEADER.size);
  const offset = header.u64le(HEADER.texts + TEXT.offset);
  const size = header.u64le(HEADER.texts + TEXT.size);
  if (offset === 0 || (header.u32le(HEADER.texts + TEXT.flags) & IGNORED) !== 0) return undefined;
  if (size > limits.lvmMetadata) throw new LimitError("lvmMetadata", limits.lvmMetadata, "lvm2: metadata text");
  if (size === 0 || offset < HEADER_SIZE || offset >= areaSize || size > areaSize - HEADER_SIZE) {
    throw header.corrupt("the text's place lies outside the area");
  }
  const text = await readRing(source, area.offset, areaSize, { offset, size }, signal);
  if (lvmChecksum(text) !== header.u32le(HEADER.texts + TEXT.crc)) {
    throw new Cursor(text, { ...place, structure: "metadata text", byteOffset: area.offset + offset }).corrupt(
      "checksum does not match",
    );
  }
  return text;
}

/** What reaches past the end of the area continues behind its header. */
async function readRing(
  source: ByteSource,
  start: number,
  areaSize: number,
  { offset, size }: DeviceArea,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const place = { format: "lvm2", structure: "metadata text", byteOffset: start + offset };
  const wrapped = Math.max(0, offset + size - areaSize);
  const first = await readInside(source, start + offset, size - wrapped, place, signal);
  if (wrapped === 0) return first;
  return Buffer.concat([first, await readInside(source, start + HEADER_SIZE, wrapped, place, signal)]);
}

function readInside(
  source: ByteSource,
  offset: number,
  length: number,
  place: { readonly format: string; readonly structure: string },
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (offset + length > source.size)
    throw new Cursor(new Uint8Array(0), place).corrupt("lies outside the physical volume");
  return source.read(offset, length, signal);
}
