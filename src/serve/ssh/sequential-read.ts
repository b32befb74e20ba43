import type { ByteSource } from "../../source/byte-source.ts";

/** Large enough for the layers below to work in one go; three of them are held at a time. */
const PIECE_LENGTH = 256 * 1024;
const PIECES_AHEAD = 2;

/** The bytes from `from` to the end of the source, in pieces, the next ones being read while one is used. */
export async function* readSequentially(
  source: ByteSource,
  signal: AbortSignal,
  from = 0,
): AsyncGenerator<Uint8Array, void, undefined> {
  const ahead: Promise<Uint8Array>[] = [];
  let offset = from;
  const fetchAhead = () => {
    while (ahead.length <= PIECES_AHEAD && offset < source.size) {
      const length = Math.min(PIECE_LENGTH, source.size - offset);
      const piece = source.read(offset, length, signal);
      // Whoever takes the piece sees the failure; until then it is nobody's.
      piece.catch(() => undefined);
      ahead.push(piece);
      offset += length;
    }
  };
  try {
    for (fetchAhead(); ahead.length > 0; fetchAhead()) {
      const piece = ahead.shift();
      if (piece !== undefined) yield await piece;
    }
  } finally {
    // The source may be closed only when nobody reads it any more.
    await Promise.allSettled(ahead);
  }
}
