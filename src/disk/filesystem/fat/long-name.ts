import type { Cursor } from "../../../bytes/cursor.ts";
import { textFromUtf16 } from "../../../bytes/utf16-name.ts";

const LAST_PIECE = 0x40;
/** 20 pieces of 13 UTF-16 units hold the 255 that a name may have. */
const MOST_PIECES = 20;
const LONGEST_NAME = 255;
/** Offset and length of the three stretches of a piece, in bytes. */
const STRETCHES = [
  [1, 10],
  [14, 12],
  [28, 4],
] as const;

/** Puts a long name together from the slots in front of its short entry: last piece first, the first next to it. */
export class LongNameCollector {
  #pieces: string[] = [];
  /** Number the next slot must have; 0 when the name is complete. */
  #expected = 0;
  #checksum = 0;

  /** @param slot cursor over a directory, `offset` the start of a slot that holds a piece */
  add(slot: Cursor, offset: number): void {
    const order = slot.u8(offset);
    const checksum = slot.u8(offset + 13);
    const number = order & ~LAST_PIECE;
    if ((order & LAST_PIECE) !== 0) {
      this.reset();
      if (number < 1 || number > MOST_PIECES) return;
      this.#checksum = checksum;
    } else if (this.#pieces.length === 0 || number !== this.#expected || checksum !== this.#checksum) {
      this.reset();
      return;
    }
    this.#pieces.push(STRETCHES.map(([start, length]) => textFromUtf16(slot.slice(offset + start, length))).join(""));
    this.#expected = number - 1;
  }

  /**
   * The name that belongs to the short entry just reached, and forgets it. Undefined when there is none: no pieces,
   * not all of them, or left behind by another entry.
   */
  take(shortNameChecksum: number): string | undefined {
    const complete = this.#pieces.length > 0 && this.#expected === 0 && this.#checksum === shortNameChecksum;
    const padded = this.#pieces.toReversed().join("");
    this.reset();
    if (!complete) return undefined;
    const end = padded.indexOf("\0");
    const name = end < 0 ? padded : padded.slice(0, end);
    return name === "" || name.length > LONGEST_NAME ? undefined : name;
  }

  reset(): void {
    this.#pieces = [];
    this.#expected = 0;
  }
}
