/**
 * LZX as Windows images and WOF use it ([MS-PATCH] section 2, with the changes wimlib documents): one chunk
 * of 32 KiB without a stream header, calls of x86 code translated for a file of 12,000,000 bytes.
 */
import type { CorruptionPlace } from "../errors.ts";
import { BitReader } from "./bit-reader.ts";
import { HuffmanCode } from "./huffman-code.ts";

const BLOCK = { VERBATIM: 1, ALIGNED: 2, UNCOMPRESSED: 3 };
const DEFAULT_BLOCK_SIZE = 32_768;
const LITERALS = 256;
/** Slots of distances in a window of 32 KiB. */
const DISTANCE_SLOTS = 30;
const MAIN_SYMBOLS = LITERALS + DISTANCE_SLOTS * 8;
const LENGTH_SYMBOLS = 249;
const PRETREE_SYMBOLS = 20;
const ALIGNED_SYMBOLS = 8;
const LONGEST_CODE = { main: 16, pretree: 15, aligned: 7 };
const MINIMUM_MATCH = 2;
const RECENT_DISTANCES = 3;

/** What one block hands on to the next. */
interface DecoderState {
  readonly mainLengths: Uint8Array;
  readonly lengthLengths: Uint8Array;
  /** The last three distances, youngest first. */
  readonly recent: number[];
}

/**
 * @param outputLength bytes of the result, up to 32 KiB
 * @throws CorruptDataError
 */
export function decompressLzx(
  input: Uint8Array,
  outputLength: number,
  place: CorruptionPlace = { format: "lzx", structure: "chunk" },
): Uint8Array {
  const reader = new BitReader(input, 0, place);
  const output = new Uint8Array(outputLength);
  const state: DecoderState = {
    mainLengths: new Uint8Array(MAIN_SYMBOLS),
    lengthLengths: new Uint8Array(LENGTH_SYMBOLS),
    recent: [1, 1, 1],
  };
  for (let written = 0; written < outputLength; ) {
    const type = reader.take(3);
    const size = reader.take(1) === 1 ? DEFAULT_BLOCK_SIZE : reader.take(16);
    const end = written + size;
    if (size === 0 || end > outputLength) throw reader.corrupt(`block of ${size} bytes`);
    if (type === BLOCK.UNCOMPRESSED) copyBlock(reader, state, output.subarray(written, end));
    else if (type === BLOCK.VERBATIM || type === BLOCK.ALIGNED) {
      decodeBlock(reader, state, type === BLOCK.ALIGNED, output, written, end);
    } else throw reader.corrupt(`block type ${type}`);
    written = end;
  }
  restoreCalls(output);
  return output;
}

function copyBlock(reader: BitReader, { recent }: DecoderState, output: Uint8Array): void {
  reader.align();
  for (let index = 0; index < RECENT_DISTANCES; index++) {
    const distance = reader.u16le() + reader.u16le() * 2 ** 16;
    if (distance === 0) throw reader.corrupt("distance 0");
    recent[index] = distance;
  }
  output.set(reader.bytes(output.length));
  if (output.length % 2 === 1) reader.bytes(1);
}

function decodeBlock(
  reader: BitReader,
  state: DecoderState,
  isAligned: boolean,
  output: Uint8Array,
  start: number,
  end: number,
): void {
  const alignedCode = isAligned ? readAlignedCode(reader) : undefined;
  readLengths(reader, state.mainLengths.subarray(0, LITERALS));
  readLengths(reader, state.mainLengths.subarray(LITERALS));
  readLengths(reader, state.lengthLengths);
  const mainCode = new HuffmanCode(state.mainLengths, LONGEST_CODE.main, reader.place);
  const lengthCode = new HuffmanCode(state.lengthLengths, LONGEST_CODE.main, reader.place);
  for (let written = start; written < end; ) {
    const symbol = reader.symbol(mainCode);
    if (symbol < LITERALS) {
      output[written++] = symbol;
      continue;
    }
    const lengthHeader = symbol & 7;
    const length = MINIMUM_MATCH + lengthHeader + (lengthHeader === 7 ? reader.symbol(lengthCode) : 0);
    const distance = readDistance(reader, state.recent, (symbol - LITERALS) >> 3, alignedCode);
    const matchEnd = written + length;
    if (distance > written || matchEnd > end) throw reader.corrupt("copy leads out of its block");
    for (; written < matchEnd; written++) output[written] = output[written - distance] as number;
  }
}

function readDistance(reader: BitReader, recent: number[], slot: number, alignedCode: HuffmanCode | undefined): number {
  if (slot < RECENT_DISTANCES) {
    const distance = recent[slot] as number;
    recent[slot] = recent[0] as number;
    recent[0] = distance;
    return distance;
  }
  const extraBits = slot < 4 ? 0 : (slot >> 1) - 1;
  const base = (2 + (slot & 1)) * 2 ** ((slot >> 1) - 1);
  const hasAlignedBits = alignedCode !== undefined && extraBits >= 3;
  const extra = hasAlignedBits ? reader.take(extraBits - 3) * 8 + reader.symbol(alignedCode) : reader.take(extraBits);
  const distance = base + extra - (RECENT_DISTANCES - 1);
  recent.unshift(distance);
  recent.length = RECENT_DISTANCES;
  return distance;
}

function readAlignedCode(reader: BitReader): HuffmanCode {
  const lengths = Uint8Array.from({ length: ALIGNED_SYMBOLS }, () => reader.take(3));
  return new HuffmanCode(lengths, LONGEST_CODE.aligned, reader.place);
}

/** Code lengths as differences to those of the block before, packed by a small code of their own. */
function readLengths(reader: BitReader, lengths: Uint8Array): void {
  const pretree = Uint8Array.from({ length: PRETREE_SYMBOLS }, () => reader.take(4));
  const code = new HuffmanCode(pretree, LONGEST_CODE.pretree, reader.place);
  const changed = (index: number, symbol: number): number => ((lengths[index] ?? 0) - symbol + 17) % 17;
  for (let index = 0; index < lengths.length; ) {
    const symbol = reader.symbol(code);
    if (symbol < 17) {
      lengths[index] = changed(index, symbol);
      index++;
      continue;
    }
    const run = symbol === 17 ? 4 + reader.take(4) : symbol === 18 ? 20 + reader.take(5) : 4 + reader.take(1);
    const delta = symbol === 19 ? reader.symbol(code) : undefined;
    if (delta !== undefined && delta > 16) throw reader.corrupt("code lengths are malformed");
    if (index + run > lengths.length) throw reader.corrupt("code lengths run over");
    lengths.fill(delta === undefined ? 0 : changed(index, delta), index, index + run);
    index += run;
  }
}

const CALL = 0xe8;
/** No call begins in the last bytes of a chunk. */
const TAIL = 10;
const TRANSLATED_FILE_SIZE = 12_000_000;

/** Targets of x86 calls were made absolute, so that calls of one function look alike; this makes them relative again. */
function restoreCalls(output: Uint8Array): void {
  const view = new DataView(output.buffer, output.byteOffset, output.byteLength);
  for (let position = 0; position < output.length - TAIL; position++) {
    if (output[position] !== CALL) continue;
    const target = view.getInt32(position + 1, true);
    if (target >= 0 && target < TRANSLATED_FILE_SIZE) view.setInt32(position + 1, target - position, true);
    else if (target < 0 && target >= -position) view.setInt32(position + 1, target + TRANSLATED_FILE_SIZE, true);
    position += 4;
  }
}
