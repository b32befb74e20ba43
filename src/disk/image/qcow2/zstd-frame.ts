/**
 * Length of a Zstandard frame, from its block headers alone (RFC 8878, section 3.1.1). A compressed cluster
 * is followed by whatever shares its last sector, and decompressors refuse bytes behind a frame.
 */

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
const DICTIONARY_ID_SIZES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_SIZES = [0, 2, 4, 8] as const;
const BLOCK_RLE = 1;
const BLOCK_RESERVED = 3;

/** Bytes of the frame at the start of `bytes`; undefined when none starts there or it does not end inside. */
export function zstdFrameLength(bytes: Uint8Array): number | undefined {
  if (MAGIC.some((byte, index) => bytes[index] !== byte)) return undefined;
  const descriptor = bytes[4] ?? 0;
  const singleSegment = (descriptor & 0x20) !== 0;
  const contentSizeFlag = descriptor >>> 6;
  const contentSize = contentSizeFlag === 0 && singleSegment ? 1 : (CONTENT_SIZE_SIZES[contentSizeFlag] ?? 0);
  let offset = 5 + (singleSegment ? 0 : 1) + (DICTIONARY_ID_SIZES[descriptor & 3] ?? 0) + contentSize;
  for (let last = false; !last; ) {
    if (offset + 3 > bytes.length) return undefined;
    const header = (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8) | ((bytes[offset + 2] ?? 0) << 16);
    last = (header & 1) === 1;
    const type = (header >>> 1) & 3;
    if (type === BLOCK_RESERVED) return undefined;
    offset += 3 + (type === BLOCK_RLE ? 1 : header >>> 3);
  }
  const checksum = (descriptor & 4) !== 0 ? 4 : 0;
  return offset + checksum <= bytes.length ? offset + checksum : undefined;
}
