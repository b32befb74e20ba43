/**
 * Security descriptors: shared ones in $Secure, found by number in its index $SII and kept in its stream
 * $SDS, or one in the file itself, as before NTFS 3.0 (libfsntfs, "Access control").
 */
import { Cursor } from "../../../bytes/cursor.ts";
import { LruCache } from "../../../bytes/lru-cache.ts";
import { CorruptDataError, LimitError } from "../../../errors.ts";
import { ATTRIBUTE } from "./attribute.ts";
import { openValue, readWhole } from "./content.ts";
import { attributeValue, type FileNode, type FileNodes } from "./file-node.ts";
import { recordPlace } from "./file-record.ts";
import { Index } from "./index.ts";
import { SYSTEM_RECORD } from "./master-file-table.ts";
import { checkDescriptor } from "./security-descriptor.ts";
import { standardInformation } from "./standard-information.ts";
import type { Volume } from "./volume.ts";

const STREAM = "$SDS";
const INDEX = "$SII";
/** hash u32, id u32, offset u64, length u32, then the descriptor. */
const ENTRY_HEADER = 20;
/** $SDS keeps every entry twice: the copy lies this many bytes behind. */
const COPY_DISTANCE = 256 * 1024;
/** Bytes of descriptors kept; a volume has few, and thousands of files share each. */
const KEPT = 1024 * 1024;

export class SecurityDescriptors {
  readonly #volume: Volume;
  readonly #nodes: FileNodes;
  readonly #kept = new LruCache<number, Uint8Array>(KEPT);

  constructor(volume: Volume, nodes: FileNodes) {
    this.#volume = volume;
    this.#nodes = nodes;
  }

  /**
   * The self-relative descriptor ([MS-DTYP] section 2.4.6), or undefined when the file has none.
   * @throws CorruptDataError when both copies in $Secure are damaged, LimitError
   */
  async read(file: FileNode, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const own = attributeValue(file, ATTRIBUTE.SECURITY_DESCRIPTOR);
    const { securityId } = standardInformation(file);
    if (own !== undefined) {
      const descriptor = await readWhole(this.#volume, own, file.number, this.#volume.limits.xattrValue, signal);
      checkDescriptor(descriptor);
      return descriptor;
    }
    return securityId === 0 ? undefined : this.#shared(securityId, signal);
  }

  /** As `read`, without waiting, where the descriptor is known or there is none; else undefined. */
  peek(file: FileNode): { readonly descriptor: Uint8Array | undefined } | undefined {
    if (attributeValue(file, ATTRIBUTE.SECURITY_DESCRIPTOR) !== undefined) return undefined;
    const { securityId } = standardInformation(file);
    if (securityId === 0) return { descriptor: undefined };
    const descriptor = this.#kept.get(securityId);
    return descriptor && { descriptor };
  }

  async #shared(id: number, signal?: AbortSignal): Promise<Uint8Array> {
    const kept = this.#kept.get(id);
    if (kept !== undefined) return kept;
    const secure = await this.#nodes.read(SYSTEM_RECORD.SECURE, signal);
    const { offset, length } = await this.#locate(secure, id, signal);
    let descriptor: Uint8Array;
    try {
      descriptor = await this.#readEntry(secure, id, offset, length, signal);
    } catch (error) {
      if (!(error instanceof CorruptDataError)) throw error;
      descriptor = await this.#readEntry(secure, id, offset + COPY_DISTANCE, length, signal).catch(
        (second: unknown) => {
          throw second instanceof CorruptDataError ? error : second;
        },
      );
    }
    this.#kept.set(id, descriptor, descriptor.length);
    return descriptor;
  }

  async #locate(secure: FileNode, id: number, signal?: AbortSignal): Promise<{ offset: number; length: number }> {
    const index = new Index(this.#volume, secure, INDEX);
    const keyOf = (cursor: Cursor, keyOffset: number) => cursor.u32le(keyOffset);
    const [found] = await index.find(({ node, entry }) => id - keyOf(node.cursor, entry.keyOffset), signal);
    if (found === undefined) throw new CorruptDataError(recordPlace(secure.number), `has no descriptor ${id}`);
    const { cursor } = found.node;
    const data = found.entry.offset + cursor.u16le(found.entry.offset);
    const length = cursor.u32le(data + 16);
    const { xattrValue } = this.#volume.limits;
    if (length > xattrValue) throw new LimitError("xattrValue", xattrValue, `security descriptor ${id}`);
    return { offset: cursor.u64le(data + 8), length };
  }

  async #readEntry(
    secure: FileNode,
    id: number,
    offset: number,
    length: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    const place = { format: "ntfs", structure: `security descriptor ${id}` };
    const value = attributeValue(secure, ATTRIBUTE.DATA, STREAM);
    const stream = value === undefined ? undefined : openValue(this.#volume, value, secure.number);
    if (stream === undefined || length < ENTRY_HEADER || offset + length > stream.size) {
      throw new CorruptDataError(place, "lies outside $SDS");
    }
    const cursor = new Cursor(await stream.read(offset, length, signal), place);
    const descriptor = cursor.slice(ENTRY_HEADER, length - ENTRY_HEADER);
    if (cursor.u32le(4) !== id || cursor.u32le(0) !== descriptorHash(descriptor)) {
      throw cursor.corrupt("its number or hash does not match");
    }
    checkDescriptor(descriptor);
    return descriptor;
  }
}

/** Over whole 32-bit words: rotated by three bits, then added. */
export function descriptorHash(descriptor: Uint8Array): number {
  const view = new DataView(descriptor.buffer, descriptor.byteOffset, descriptor.byteLength);
  let hash = 0;
  for (let offset = 0; offset + 4 <= descriptor.length; offset += 4) {
    hash = (view.getUint32(offset, true) + ((hash << 3) | (hash >>> 29))) >>> 0;
  }
  return hash;
}
