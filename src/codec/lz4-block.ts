/** LZ4 blocks, compressing only; lz4_Block_format.md of github.com/lz4/lz4. */
import { LimitError } from "../errors.ts";

/** Largest input of one block here, in bytes: every match is then near enough for its 16-bit distance. */
const MAX_INPUT = 64 * 1024;
const MIN_MATCH = 4;
/** The last bytes of a block are literals, and no match begins within the last twelve. */
const LAST_LITERALS = 5;
const MATCH_MARGIN = 12;
const HASH_BITS = 12;
/** Data without matches is looked at less and less closely: one more byte is passed over every so many misses. */
const MISSES_PER_STEP = 64;
/** In a token's halves: the length goes on in bytes behind it. */
const LONG = 15;

/** The most bytes that a block of `length` bytes of input can take. */
function lz4BlockBound(length: number): number {
  return length + Math.floor(length / 255) + 16;
}

/**
 * One block by itself, without the length that formats put before it.
 * @throws LimitError for more than 64 KiB.
 */
export function compressLz4Block(input: Uint8Array): Uint8Array {
  if (input.length > MAX_INPUT) throw new LimitError("lz4Block", MAX_INPUT, "bytes of an LZ4 block");
  const output = new BlockOutput(lz4BlockBound(input.length));
  const heads = new Uint16Array(1 << HASH_BITS);
  const end = input.length - MATCH_MARGIN;
  let literals = 0;
  let misses = 0;
  for (let position = 1; position <= end; ) {
    const sequence = u32le(input, position);
    const bucket = Math.imul(sequence, 0x9e37_79b1) >>> (32 - HASH_BITS);
    const candidate = heads[bucket] ?? 0;
    heads[bucket] = position;
    if (u32le(input, candidate) !== sequence) {
      position += 1 + Math.floor(misses++ / MISSES_PER_STEP);
      continue;
    }
    const length = matchLength(input, candidate, position);
    output.literals(input.subarray(literals, position), length - MIN_MATCH);
    output.match(position - candidate, length - MIN_MATCH);
    position += length;
    literals = position;
    misses = 0;
  }
  output.literals(input.subarray(literals), 0);
  return output.bytes();
}

function u32le(bytes: Uint8Array, offset: number): number {
  return (
    (bytes[offset] ?? 0) |
    ((bytes[offset + 1] ?? 0) << 8) |
    ((bytes[offset + 2] ?? 0) << 16) |
    ((bytes[offset + 3] ?? 0) << 24)
  );
}

/** How many bytes are the same at both places; the first four are known to be. */
function matchLength(input: Uint8Array, earlier: number, later: number): number {
  const most = input.length - LAST_LITERALS - later;
  let length = MIN_MATCH;
  while (length < most && input[earlier + length] === input[later + length]) length++;
  return length;
}

/** A block's sequences: a token with two lengths, literals, and a match for all but the last. */
class BlockOutput {
  readonly #bytes: Uint8Array;
  #length = 0;

  constructor(bound: number) {
    this.#bytes = new Uint8Array(bound);
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** @param matchLength of the match that follows, less the four bytes every match has. */
  literals(literals: Uint8Array, matchLength: number): void {
    this.#byte((Math.min(literals.length, LONG) << 4) | Math.min(matchLength, LONG));
    this.#restOfLength(literals.length);
    this.#bytes.set(literals, this.#length);
    this.#length += literals.length;
  }

  match(distance: number, length: number): void {
    this.#byte(distance & 0xff);
    this.#byte(distance >> 8);
    this.#restOfLength(length);
  }

  #restOfLength(length: number): void {
    if (length < LONG) return;
    let rest = length - LONG;
    for (; rest >= 255; rest -= 255) this.#byte(255);
    this.#byte(rest);
  }

  #byte(value: number): void {
    this.#bytes[this.#length++] = value;
  }
}
