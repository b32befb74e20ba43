/**
 * One decrypted index blob: a sorted table from content id to the place of the content, searched in its own
 * bytes, since a repository may have millions of contents. Big endian everywhere
 * (kopia: repo/content/index/index_v1.go, index_v2.go).
 */
import { Cursor } from "../bytes/cursor.ts";
import { type CorruptDataError, UnsupportedFeatureError } from "../errors.ts";
import { ENCRYPTION_OVERHEAD } from "./content-encryption.ts";
import type { ContentKey } from "./content-id.ts";

export interface IndexEntry {
  readonly packBlob: string;
  /** Bytes from the start of the pack blob. */
  readonly packOffset: number;
  /** Bytes as stored: encrypted, perhaps compressed. */
  readonly packedLength: number;
  /** Bytes of plaintext after decompression. */
  readonly originalLength: number;
  /** Unix seconds. */
  readonly timestamp: number;
  readonly deleted: boolean;
  /** Compression header id, 0 for none. */
  readonly compression: number;
}

export interface IndexBlob {
  readonly id: string;
  readonly entryCount: number;
  find(key: ContentKey): IndexEntry | undefined;
  /** Keys whose prefix byte is `prefix`, ascending. */
  keysWithPrefix(prefix: number): Iterable<ContentKey>;
}

/** @throws CorruptDataError, UnsupportedFeatureError */
export function parseIndexBlob(bytes: Uint8Array, id: string): IndexBlob {
  const cursor = new Cursor(bytes, { format: "kopia", structure: `index blob ${id}` });
  const version = cursor.u8(0);
  if (version === 1) return new SortedIndex(id, cursor, layoutV1(cursor));
  if (version === 2) return new SortedIndex(id, cursor, layoutV2(cursor));
  throw new UnsupportedFeatureError("kopia", [`index version ${version}`], "a newer vmfr may read it");
}

interface Layout {
  /** Where the entries start. */
  readonly entries: number;
  readonly entryCount: number;
  readonly keySize: number;
  readonly valueSize: number;
  /** @param offset where the entry's value starts */
  readonly parseValue: (offset: number) => IndexEntry;
}

const TOP_BIT = 0x8000_0000;
const V1 = { header: 8, valueSize: 20, emptyKeySize: 255 };
const V2 = { header: 17, minValueSize: 16, maxValueSize: 19, packSize: 5, formatSize: 6 };

function layoutV1(cursor: Cursor): Layout {
  const keySize = cursor.u8(1);
  const valueSize = cursor.u16be(2);
  const entryCount = keySize === V1.emptyKeySize ? 0 : cursor.u32be(4);
  if (entryCount > 0 && valueSize !== V1.valueSize) throw cursor.corrupt(`entry size ${valueSize} instead of 20`);
  checkTable(cursor, "entries", V1.header, entryCount, keySize + valueSize);
  const parseValue = (offset: number): IndexEntry => {
    const packedLength = cursor.u32be(offset + 16);
    const place = cursor.u32be(offset + 12);
    return {
      packBlob: cursor.ascii(cursor.u32be(offset + 8), cursor.u8(offset + 7)),
      packOffset: place % TOP_BIT,
      packedLength,
      originalLength: Math.max(0, packedLength - ENCRYPTION_OVERHEAD),
      timestamp: cursor.u16be(offset) * 2 ** 32 + cursor.u32be(offset + 2),
      deleted: place >= TOP_BIT,
      compression: 0,
    };
  };
  return { entries: V1.header, entryCount, keySize, valueSize, parseValue };
}

function layoutV2(cursor: Cursor): Layout {
  const keySize = cursor.u8(1);
  const valueSize = cursor.u16be(2);
  const entryCount = cursor.u32be(4);
  const packCount = cursor.u32be(8);
  const formatCount = cursor.u8(12);
  const baseTimestamp = cursor.u32be(13);
  if (valueSize < V2.minValueSize || valueSize > V2.maxValueSize) throw cursor.corrupt(`entry size ${valueSize}`);
  const packs = V2.header + entryCount * (keySize + valueSize);
  const formats = packs + packCount * V2.packSize;
  checkTable(cursor, "entries", V2.header, entryCount, keySize + valueSize);
  checkTable(cursor, "packs", packs, packCount, V2.packSize);
  checkTable(cursor, "formats", formats, formatCount, V2.formatSize);

  const packBlob = (index: number): string => {
    if (index >= packCount) throw cursor.corrupt(`pack ${index} of ${packCount}`);
    const pack = packs + index * V2.packSize;
    return cursor.ascii(cursor.u32be(pack + 1), cursor.u8(pack));
  };
  const compression = (index: number): number => {
    if (index >= formatCount) throw cursor.corrupt(`format ${index} of ${formatCount}`);
    const format = formats + index * V2.formatSize;
    const encryptionKey = cursor.u8(format + 5);
    if (encryptionKey !== 0) throw new UnsupportedFeatureError("kopia", [`encryption key ${encryptionKey}`]);
    return cursor.u32be(format);
  };
  const parseValue = (offset: number): IndexEntry => {
    const place = cursor.u32be(offset + 4);
    const highLengths = valueSize > 18 ? cursor.u8(offset + 18) : 0;
    const highPack = valueSize > 17 ? cursor.u8(offset + 17) : 0;
    return {
      packBlob: packBlob(highPack * 2 ** 16 + cursor.u16be(offset + 14)),
      packOffset: place % TOP_BIT,
      packedLength: (highLengths & 0x0f) * 2 ** 24 + u24be(cursor, offset + 11),
      originalLength: (highLengths >>> 4) * 2 ** 24 + u24be(cursor, offset + 8),
      timestamp: baseTimestamp + cursor.u32be(offset),
      deleted: place >= TOP_BIT,
      compression: compression(valueSize > 16 ? cursor.u8(offset + 16) : 0),
    };
  };
  return { entries: V2.header, entryCount, keySize, valueSize, parseValue };
}

function u24be(cursor: Cursor, offset: number): number {
  return cursor.u8(offset) * 2 ** 16 + cursor.u16be(offset + 1);
}

/** @throws CorruptDataError unless the table lies inside the blob. */
function checkTable(cursor: Cursor, what: string, offset: number, count: number, size: number): void {
  if (offset + count * size > cursor.length) throw tableError(cursor, what, count);
}

function tableError(cursor: Cursor, what: string, count: number): CorruptDataError {
  return cursor.corrupt(`${count} ${what} do not fit into its ${cursor.length} bytes`);
}

class SortedIndex implements IndexBlob {
  readonly id: string;
  readonly #cursor: Cursor;
  readonly #layout: Layout;

  constructor(id: string, cursor: Cursor, layout: Layout) {
    this.id = id;
    this.#cursor = cursor;
    this.#layout = layout;
  }

  get entryCount(): number {
    return this.#layout.entryCount;
  }

  find(key: ContentKey): IndexEntry | undefined {
    const { entryCount, keySize, parseValue } = this.#layout;
    if (key.length !== keySize) return undefined;
    const position = this.#firstNotBelow(key);
    if (position === entryCount || Buffer.compare(this.#keyAt(position), key) !== 0) return undefined;
    return parseValue(this.#offsetOf(position) + keySize);
  }

  *keysWithPrefix(prefix: number): Iterable<ContentKey> {
    const { entryCount } = this.#layout;
    for (let position = this.#firstNotBelow(Uint8Array.of(prefix)); position < entryCount; position++) {
      const key = this.#keyAt(position);
      if (key[0] !== prefix) return;
      yield key;
    }
  }

  #offsetOf(position: number): number {
    const { entries, keySize, valueSize } = this.#layout;
    return entries + position * (keySize + valueSize);
  }

  #keyAt(position: number): ContentKey {
    return this.#cursor.slice(this.#offsetOf(position), this.#layout.keySize);
  }

  #firstNotBelow(key: Uint8Array): number {
    let low = 0;
    let high = this.#layout.entryCount;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (Buffer.compare(this.#keyAt(middle), key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
