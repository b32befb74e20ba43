import { displayName } from "../../../bytes/byte-name.ts";
import { Cursor } from "../../../bytes/cursor.ts";
import { UnsupportedFeatureError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import { EXTENSION, HEADER, HEADER_LENGTH_V2, HEADER_LENGTH_V3, INCOMPATIBLE, MAGIC, SUBCLUSTERS } from "./layout.ts";

export type Compression = "deflate" | "zstd";

/** A checked header in plain words. Offsets and sizes are bytes. */
export interface Qcow2Header {
  readonly version: 2 | 3;
  readonly clusterSize: number;
  readonly virtualSize: number;
  readonly l1TableOffset: number;
  /** Entries the table has; as many as the virtual size needs, or more. */
  readonly l1Size: number;
  readonly snapshotsOffset: number;
  readonly snapshotCount: number;
  readonly compression: Compression;
  /** L2 entries of 16 bytes with a bitmap of 32 subclusters. */
  readonly extendedL2: boolean;
  readonly dirty: boolean;
  readonly corrupt: boolean;
  readonly hasBitmaps: boolean;
  /** What the image says it lies upon. For display and for the format only: the name is never opened. */
  readonly backing: { readonly name: string; readonly format: string | undefined } | undefined;
}

/** The largest header is one cluster, and what is needed of it lies in its first 64 KiB. */
const HEADER_AREA = 64 * 1024;
const SECTOR = 512;
const SMALLEST_CLUSTER_BITS = 9;
const LARGEST_CLUSTER_BITS = 21;
/** Subclusters are at least one 512-byte sector. */
const SMALLEST_EXTENDED_CLUSTER_BITS = 14;
const LONGEST_BACKING_NAME = 1023;

export function hasQcow2Magic(firstBytes: Uint8Array): boolean {
  return firstBytes.length >= 4 && new Cursor(firstBytes, { format: "qcow2", structure: "magic" }).u32be(0) === MAGIC;
}

/**
 * @throws CorruptDataError for fields that contradict the specification,
 *         UnsupportedFeatureError for encryption, external data files and unknown incompatible features
 */
export async function readHeader(source: ByteSource, signal?: AbortSignal): Promise<Qcow2Header> {
  const bytes = await source.read(0, Math.min(source.size, HEADER_AREA), signal);
  return parseHeader(new Cursor(bytes, { format: "qcow2", structure: "header", byteOffset: 0 }));
}

function parseHeader(cursor: Cursor): Qcow2Header {
  if (cursor.u32be(HEADER.magic) !== MAGIC) throw cursor.corrupt("magic number is missing");
  const version = cursor.u32be(HEADER.version);
  if (version !== 2 && version !== 3) throw new UnsupportedFeatureError("qcow2", [`version ${version}`]);
  const clusterBits = cursor.u32be(HEADER.clusterBits);
  if (clusterBits < SMALLEST_CLUSTER_BITS || clusterBits > LARGEST_CLUSTER_BITS) {
    throw cursor.corrupt(`cluster size of 2^${clusterBits} bytes is not between 512 bytes and 2 MiB`);
  }
  refuseEncryption(cursor.u32be(HEADER.cryptMethod));
  const headerLength = version === 2 ? HEADER_LENGTH_V2 : cursor.u32be(HEADER.headerLength);
  if (version === 3 && (headerLength < HEADER_LENGTH_V3 || headerLength % 8 !== 0 || headerLength > 2 ** clusterBits)) {
    throw cursor.corrupt(`header length of ${headerLength} bytes`);
  }
  const extensions = parseExtensions(cursor, headerLength, 2 ** clusterBits);
  const incompatible = version === 2 ? 0 : parseIncompatibleFeatures(cursor, extensions.featureNames);
  const extendedL2 = (incompatible & INCOMPATIBLE.extendedL2) !== 0;
  if (extendedL2 && clusterBits < SMALLEST_EXTENDED_CLUSTER_BITS) {
    throw cursor.corrupt(`cluster size of ${2 ** clusterBits} bytes is too small for ${SUBCLUSTERS} subclusters`);
  }
  const name = parseBackingName(cursor);
  return {
    version,
    clusterSize: 2 ** clusterBits,
    virtualSize: wholeSectors(cursor.u64be(HEADER.size)),
    l1TableOffset: cursor.u64be(HEADER.l1TableOffset),
    l1Size: cursor.u32be(HEADER.l1Size),
    snapshotsOffset: cursor.u64be(HEADER.snapshotsOffset),
    snapshotCount: cursor.u32be(HEADER.snapshotCount),
    compression: parseCompression(cursor, headerLength, incompatible),
    extendedL2,
    dirty: (incompatible & INCOMPATIBLE.dirty) !== 0,
    corrupt: (incompatible & INCOMPATIBLE.corrupt) !== 0,
    hasBitmaps: extensions.hasBitmaps,
    backing: name === undefined ? undefined : { name, format: extensions.backingFormat },
  };
}

/** A disk has whole sectors; QEMU, too, leaves out what is behind the last one. */
function wholeSectors(size: number): number {
  return size - (size % SECTOR);
}

function refuseEncryption(method: number): void {
  if (method === 0) return;
  const scheme = method === 1 ? "AES-CBC" : method === 2 ? "LUKS" : `method ${method}`;
  throw new UnsupportedFeatureError("qcow2", [`encryption (${scheme})`], "decrypt it with qemu-img convert first");
}

/** @returns the lower 32 bits; refuses everything that is not known to leave the mapping readable */
function parseIncompatibleFeatures(cursor: Cursor, names: ReadonlyMap<number, string>): number {
  const high = cursor.u32be(HEADER.incompatibleFeatures);
  const low = cursor.u32be(HEADER.incompatibleFeatures + 4);
  const known = INCOMPATIBLE.dirty | INCOMPATIBLE.corrupt | INCOMPATIBLE.compressionType | INCOMPATIBLE.extendedL2;
  const refused: string[] = [];
  for (let bit = 0; bit < 64; bit++) {
    const set = ((bit < 32 ? low : high) >>> (bit % 32)) & 1;
    if (set === 0 || (bit < 32 && ((known >>> bit) & 1) === 1)) continue;
    refused.push(bit === 2 ? "external data file" : (names.get(bit) ?? `incompatible feature bit ${bit}`));
  }
  if (refused.length > 0) {
    throw new UnsupportedFeatureError("qcow2", refused, "convert the image with qemu-img convert first");
  }
  return low;
}

function parseCompression(cursor: Cursor, headerLength: number, incompatible: number): Compression {
  const type = headerLength > HEADER.compressionType ? cursor.u8(HEADER.compressionType) : 0;
  if ((type !== 0) !== ((incompatible & INCOMPATIBLE.compressionType) !== 0)) {
    throw cursor.corrupt(`compression type ${type} contradicts the incompatible features`);
  }
  if (type === 0) return "deflate";
  if (type === 1) return "zstd";
  throw new UnsupportedFeatureError("qcow2", [`compression type ${type}`]);
}

interface Extensions {
  readonly backingFormat: string | undefined;
  readonly hasBitmaps: boolean;
  /** Names of incompatible feature bits, escaped for display. */
  readonly featureNames: ReadonlyMap<number, string>;
}

/** Extensions lie between the header and the end of the first cluster, each padded to 8 bytes. */
function parseExtensions(cursor: Cursor, start: number, clusterSize: number): Extensions {
  const backingOffset = cursor.u64be(HEADER.backingFileOffset);
  const end = Math.min(backingOffset > 0 ? backingOffset : clusterSize, clusterSize, cursor.length);
  let backingFormat: string | undefined;
  let hasBitmaps = false;
  const featureNames = new Map<number, string>();
  let offset = start;
  while (offset + 8 <= end) {
    const type = cursor.u32be(offset);
    const length = cursor.u32be(offset + 4);
    if (type === EXTENSION.end) break;
    if (length > end - offset - 8) throw cursor.corrupt(`header extension at ${offset} reaches past its area`);
    if (type === EXTENSION.backingFormat) backingFormat = cursor.ascii(offset + 8, length);
    else if (type === EXTENSION.bitmaps) hasBitmaps = true;
    else if (type === EXTENSION.featureNames) parseFeatureNames(cursor, offset + 8, length, featureNames);
    offset += 8 + Math.ceil(length / 8) * 8;
  }
  return { backingFormat, hasBitmaps, featureNames };
}

/** Entries of 48 bytes: type (0 = incompatible), bit number, name padded with NUL. */
function parseFeatureNames(cursor: Cursor, offset: number, length: number, names: Map<number, string>): void {
  for (let entry = offset; entry + 48 <= offset + length; entry += 48) {
    if (cursor.u8(entry) === 0) names.set(cursor.u8(entry + 1), displayName(untilNul(cursor.slice(entry + 2, 46))));
  }
}

function untilNul(field: Uint8Array): Uint8Array {
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

function parseBackingName(cursor: Cursor): string | undefined {
  const offset = cursor.u64be(HEADER.backingFileOffset);
  const length = cursor.u32be(HEADER.backingFileSize);
  if (offset === 0 || length === 0) return undefined;
  if (length > LONGEST_BACKING_NAME) throw cursor.corrupt(`backing file name of ${length} bytes`);
  return displayName(cursor.slice(offset, length));
}
