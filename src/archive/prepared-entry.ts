/**
 * Entries made ready before their header is written. A header promises a size and cannot be taken back, so
 * what can fail fails before it: opening, the map of holes, and the whole content of small files.
 */
import { displayName } from "../bytes/byte-name.ts";
import { CorruptDataError, SourceError } from "../errors.ts";
import type { SparseSource } from "../source/byte-source.ts";
import type { ArchiveEntry } from "./archive-entry.ts";

/** Files with up to this many bytes of data are read whole before their header. */
const SMALL_FILE = 256 * 1024;
/** Entries opened and read ahead at the same time. */
const READ_AHEAD = 16;
/** Bytes; tar's block. */
const STRETCH_ALIGNMENT = 512;
/** Bytes of a big file read at a time. */
const PIECE = 1024 * 1024;
/** Stretches of data kept apart; what lies behind the last one is written out, holes included. */
const MOST_STRETCHES = 65_536;

/** A stretch that is no hole, in bytes. */
export interface Stretch {
  readonly offset: number;
  readonly length: number;
}

export interface PreparedContent {
  readonly size: number;
  /** Ascending, not touching each other. */
  readonly stretches: readonly Stretch[];
  /** Where the bytes of the stretches are: at hand, one stretch behind the other, or still in the file. */
  readonly bytes: Uint8Array | SparseSource;
}

export interface PreparedEntry {
  readonly entry: ArchiveEntry;
  /** Regular files that are not hard links. */
  readonly content?: PreparedContent;
}

export interface FailedEntry {
  readonly entry: ArchiveEntry;
  readonly error: unknown;
}

/** @throws whatever opening or reading the file throws; CorruptDataError when it is not as long as its stat said. */
export async function prepareEntry(entry: ArchiveEntry): Promise<PreparedEntry> {
  if (entry.type !== "file" || entry.hardLinkTo !== undefined) return { entry };
  if (entry.open === undefined) throw new SourceError("its content is missing", { retryable: false });
  const source = await entry.open();
  try {
    if (source.size !== entry.size) {
      const place = { format: "archive", structure: displayName(entry.path) };
      throw new CorruptDataError(place, `${source.size} bytes where ${entry.size} were announced`);
    }
    const { size } = source;
    const stretches = await dataStretches(source);
    if (totalLength(stretches) > SMALL_FILE) return { entry, content: { size, stretches, bytes: source } };
    const bytes = await readStretches(source, stretches);
    await source.close();
    return { entry, content: { size, stretches, bytes } };
  } catch (error) {
    await source.close();
    throw error;
  }
}

export function totalLength(stretches: readonly Stretch[]): number {
  return stretches.reduce((total, { length }) => total + length, 0);
}

async function readStretches(source: SparseSource, stretches: readonly Stretch[]): Promise<Uint8Array> {
  const [only, ...others] = stretches;
  if (only !== undefined && others.length === 0) return source.read(only.offset, only.length);
  const parts: Uint8Array[] = [];
  for (const { offset, length } of stretches) parts.push(await source.read(offset, length));
  return Buffer.concat(parts);
}

/**
 * Stretches begin and end on block boundaries, except at the end of the file: in sparse members GNU tar starts
 * every stretch on a new block, libarchive right behind the last one, and only so do they agree. What is added
 * are zeros of holes.
 */
async function dataStretches(source: SparseSource): Promise<Stretch[]> {
  const stretches: { offset: number; length: number }[] = [];
  if (source.size === 0) return stretches;
  for await (const { kind, offset, length } of source.extents()) {
    if (kind === "hole" || length === 0) continue;
    const start = offset - (offset % STRETCH_ALIGNMENT);
    const end = Math.min(source.size, Math.ceil((offset + length) / STRETCH_ALIGNMENT) * STRETCH_ALIGNMENT);
    const last = stretches.at(-1);
    if (last !== undefined && start <= last.offset + last.length) last.length = end - last.offset;
    else if (last !== undefined && stretches.length === MOST_STRETCHES) {
      last.length = source.size - last.offset;
      break;
    } else stretches.push({ offset: start, length: end - start });
  }
  return stretches;
}

/** Bytes of a file and where they belong in it. */
export interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/**
 * The bytes of the stretches in order; a file still open is read one piece ahead, and not closed.
 * @throws what reading throws: the archive then cannot be completed.
 */
export async function* contentPieces(content: PreparedContent): AsyncGenerator<Piece, void, undefined> {
  const { bytes: from, stretches } = content;
  if (from instanceof Uint8Array) {
    yield* loadedPieces(from, stretches);
    return;
  }
  let reading: Promise<Piece> | undefined;
  for (const { offset, length } of pieces(stretches)) {
    const next = from.read(offset, length).then((bytes) => ({ offset, bytes }));
    // Awaited in the next round; until then a failure is nobody's unhandled rejection.
    next.catch(() => undefined);
    if (reading !== undefined) yield await reading;
    reading = next;
  }
  if (reading !== undefined) yield await reading;
}

function* loadedPieces(bytes: Uint8Array, stretches: readonly Stretch[]): Generator<Piece, void, undefined> {
  let position = 0;
  for (const { offset, length } of stretches) {
    yield { offset, bytes: bytes.subarray(position, position + length) };
    position += length;
  }
}

function* pieces(stretches: readonly Stretch[]): Generator<Stretch, void, undefined> {
  for (const { offset, length } of stretches) {
    for (let done = 0; done < length; done += PIECE) {
      yield { offset: offset + done, length: Math.min(PIECE, length - done) };
    }
  }
}

/**
 * Prepares entries a few at a time, in order; a failed one comes out as such in its place. Closing the iteration
 * early closes what was opened ahead.
 */
export async function* prepareEntries<Prepared extends PreparedEntry>(
  entries: AsyncIterable<ArchiveEntry>,
  prepare: (entry: ArchiveEntry) => Promise<Prepared>,
): AsyncGenerator<Prepared | FailedEntry, void, undefined> {
  const ahead: Promise<Prepared | FailedEntry>[] = [];
  try {
    for await (const entry of entries) {
      ahead.push(prepare(entry).catch((error: unknown) => ({ entry, error })));
      const first = ahead.length < READ_AHEAD ? undefined : ahead.shift();
      if (first !== undefined) yield await first;
    }
    for (let first = ahead.shift(); first !== undefined; first = ahead.shift()) yield await first;
  } finally {
    for (const prepared of await Promise.all(ahead)) await discard(prepared);
  }
}

/** Releases an entry that will not be written. */
export async function discard(prepared: PreparedEntry | FailedEntry): Promise<void> {
  if (!("content" in prepared)) return;
  const bytes = prepared.content?.bytes;
  if (bytes !== undefined && !(bytes instanceof Uint8Array)) await bytes.close();
}
