import type { WireReader } from "./wire-reader.ts";
import type { WireWriter } from "./wire-writer.ts";

/** What a client says about the copy of a file it has: equal blocks, the last one perhaps shorter; sum_struct. */
export interface BlockSums {
  readonly count: number;
  readonly blockLength: number;
  /** Bytes of each strong checksum; the first ones of the whole. */
  readonly strongLength: number;
  /** Bytes of the last block; 0 when it is a whole one. */
  readonly remainder: number;
  /** Bytes of the client's copy. */
  readonly length: number;
  /** Absent when the client sent none, or more than are kept. */
  readonly sums?: { readonly weak: Uint32Array; readonly strong: Uint8Array };
}

/** A client's checksums beyond it are not kept, and the file is sent whole. */
const KEPT_BYTES = 64 * 1024 * 1024;
const MAX_BLOCK_LENGTH = 1 << 17;
const MAX_BLOCK_LENGTH_OLD = 1 << 29;
const BLOCKS_AT_ONCE = 4096;

export interface BlockSumsOptions {
  readonly version: number;
  /** Bytes of a whole strong checksum. */
  readonly checksumLength: number;
  /** `--append`: the length of the copy is all the client tells. */
  readonly isAppending: boolean;
}

/** @throws CorruptDataError for figures that contradict each other. */
export async function readBlockSums(reader: WireReader, options: BlockSumsOptions): Promise<BlockSums> {
  const count = await reader.int32();
  const blockLength = await reader.int32();
  const strongLength = await reader.int32();
  const remainder = await reader.int32();
  const longest = options.version < 30 ? MAX_BLOCK_LENGTH_OLD : MAX_BLOCK_LENGTH;
  const isPlausible =
    count >= 0 &&
    blockLength >= (count === 0 ? 0 : 1) &&
    blockLength <= longest &&
    strongLength >= 0 &&
    strongLength <= options.checksumLength &&
    remainder >= 0 &&
    remainder <= blockLength;
  if (!isPlausible) throw reader.corrupt(`checksums of ${count} blocks of ${blockLength} bytes`);
  const length = count * blockLength - (remainder === 0 ? 0 : blockLength - remainder);
  const head = { count, blockLength, strongLength, remainder, length };
  if (options.isAppending || count === 0) return head;
  const isKept = count * (strongLength + 12) <= KEPT_BYTES;
  const weak = new Uint32Array(isKept ? count : 0);
  const strong = new Uint8Array(isKept ? count * strongLength : 0);
  const width = 4 + strongLength;
  for (let first = 0; first < count; first += BLOCKS_AT_ONCE) {
    const blocks = Math.min(BLOCKS_AT_ONCE, count - first);
    const bytes = await reader.bytes(blocks * width);
    if (!isKept) continue;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let block = 0; block < blocks; block++) {
      weak[first + block] = view.getUint32(block * width, true);
      strong.set(bytes.subarray(block * width + 4, (block + 1) * width), (first + block) * strongLength);
    }
  }
  return isKept ? { ...head, sums: { weak, strong } } : head;
}

/** The client is told its own figures again. */
export function writeBlockSumsHead(writer: WireWriter, head: BlockSums): void {
  writer.int32(head.count);
  writer.int32(head.blockLength);
  writer.int32(head.strongLength);
  writer.int32(head.remainder);
}
