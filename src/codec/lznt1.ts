/** LZNT1, the compression of NTFS files ([MS-XCA] section 2.5). */
import { Cursor } from "../bytes/cursor.ts";
import type { CorruptionPlace } from "../errors.ts";

const CHUNK = 4096;
const COMPRESSED = 0x8000;
/** Always the same three bits. */
const SIGNATURE_MASK = 0x7000;
const SIGNATURE = 0x3000;
const LENGTH_MASK = 0x0fff;
/** Shortest copy. */
const MINIMUM_MATCH = 3;

/**
 * Decompresses one buffer of chunks. Every chunk stands for 4,096 bytes; what the last ones leave open, and
 * everything behind the end mark, is zeros.
 * @param outputLength bytes of the result
 * @throws CorruptDataError
 */
export function decompressLznt1(
  input: Uint8Array,
  outputLength: number,
  place: CorruptionPlace = { format: "lznt1", structure: "buffer" },
): Uint8Array {
  const output = new Uint8Array(outputLength);
  const cursor = new Cursor(input, place);
  let offset = 0;
  for (let start = 0; start < outputLength && offset + 2 <= input.length; start += CHUNK) {
    const header = cursor.u16le(offset);
    if (header === 0) break;
    if ((header & SIGNATURE_MASK) !== SIGNATURE) throw cursor.corrupt(`chunk header 0x${header.toString(16)}`);
    const body = cursor.slice(offset + 2, (header & LENGTH_MASK) + 1);
    offset += 2 + body.length;
    const chunk = output.subarray(start, Math.min(start + CHUNK, outputLength));
    if ((header & COMPRESSED) === 0) {
      if (body.length > chunk.length) throw cursor.corrupt(`chunk of ${body.length} bytes`);
      chunk.set(body);
    } else decompressChunk(body, chunk, cursor);
  }
  return output;
}

function decompressChunk(input: Uint8Array, output: Uint8Array, cursor: Cursor): void {
  let read = 0;
  let written = 0;
  let flags = 0;
  for (let bit = 0; read < input.length; bit = (bit + 1) & 7) {
    if (bit === 0) flags = input[read++] as number;
    if (read >= input.length) break;
    if ((flags & (1 << bit)) === 0) {
      if (written >= output.length) throw cursor.corrupt("chunk is longer than 4096 bytes");
      output[written++] = input[read++] as number;
      continue;
    }
    if (read + 2 > input.length) throw cursor.corrupt("chunk ends inside a copy");
    const token = (input[read] as number) | ((input[read + 1] as number) << 8);
    read += 2;
    const lengthBits = lengthBitsAt(written);
    const distance = (token >>> lengthBits) + 1;
    const end = written + (token & ((1 << lengthBits) - 1)) + MINIMUM_MATCH;
    if (distance > written || end > output.length) throw cursor.corrupt("copy leads out of its chunk");
    for (; written < end; written++) output[written] = output[written - distance] as number;
  }
}

/** The further into the chunk, the more bits of a copy say where from, and the fewer how long. */
function lengthBitsAt(position: number): number {
  let bits = 12;
  for (let reach = 16; reach < position; reach *= 2) bits--;
  return bits;
}
