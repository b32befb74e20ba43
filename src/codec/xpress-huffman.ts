/** LZ77 with Huffman codes, "XPRESS" ([MS-XCA] sections 2.1 and 2.2), one chunk of up to 64 KiB. */
import { CorruptDataError, type CorruptionPlace } from "../errors.ts";
import { BitReader } from "./bit-reader.ts";
import { HuffmanCode } from "./huffman-code.ts";

const SYMBOLS = 512;
const TABLE_BYTES = SYMBOLS / 2;
const LITERALS = 256;
const LONGEST_CODE = 15;
const MINIMUM_MATCH = 3;

/**
 * @param outputLength bytes of the result
 * @throws CorruptDataError
 */
export function decompressXpressHuffman(
  input: Uint8Array,
  outputLength: number,
  place: CorruptionPlace = { format: "xpress", structure: "chunk" },
): Uint8Array {
  if (input.length < TABLE_BYTES) throw new CorruptDataError(place, "no room for the code lengths");
  const lengths = new Uint8Array(SYMBOLS);
  for (let index = 0; index < TABLE_BYTES; index++) {
    const byte = input[index] as number;
    lengths[2 * index] = byte & 0x0f;
    lengths[2 * index + 1] = byte >> 4;
  }
  const code = new HuffmanCode(lengths, LONGEST_CODE, place);
  const reader = new BitReader(input, TABLE_BYTES, place);
  const output = new Uint8Array(outputLength);
  for (let written = 0; written < outputLength; ) {
    const symbol = reader.symbol(code);
    if (symbol < LITERALS) {
      output[written++] = symbol;
      continue;
    }
    const distanceBits = (symbol >> 4) & 0x0f;
    // A word is read ahead before bytes are taken: where they lie between the words depends on it.
    reader.ensure(16);
    const distance = (1 << distanceBits) + reader.take(distanceBits);
    const length = matchLength(reader, symbol & 0x0f);
    const end = written + length;
    if (distance > written || end > outputLength) throw reader.corrupt("copy leads out of its chunk");
    for (; written < end; written++) output[written] = output[written - distance] as number;
  }
  return output;
}

/** Four bits, more in whole bytes when they are all ones. */
function matchLength(reader: BitReader, low: number): number {
  if (low < 15) return low + MINIMUM_MATCH;
  const byte = reader.byte();
  if (byte < 255) return 15 + byte + MINIMUM_MATCH;
  return reader.u16le() + MINIMUM_MATCH;
}
