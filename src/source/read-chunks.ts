import type { ByteSource } from "./byte-source.ts";
import { checkRange } from "./check-range.ts";

export interface ReadChunksOptions {
  /** Bytes a read; chunks end at multiples of it, so that they match clusters and blocks below. */
  readonly chunkSize?: number;
  /** Reads that run at the same time; memory is bounded by their sum. */
  readonly inFlight?: number;
  readonly signal?: AbortSignal;
}

/**
 * Streams [start, end) in order with several reads under way, so that the consumer's work and the source's
 * overlap. Stopping early is fine: reads under way end unheard.
 * @throws SourceError when the range lies outside the source, and whatever its reads throw
 */
export async function* readChunks(
  source: ByteSource,
  start = 0,
  end = source.size,
  options: ReadChunksOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  checkRange(start, end - start, source.size, "stream");
  const { chunkSize = 1024 * 1024, inFlight = 2, signal } = options;
  const queue: Promise<Uint8Array>[] = [];
  let position = start;
  const request = () => {
    const next = Math.min(end, (Math.floor(position / chunkSize) + 1) * chunkSize);
    const chunk = source.read(position, next - position, signal);
    // Awaited later or, after an earlier failure, never; either way not an unhandled rejection.
    chunk.catch(() => undefined);
    queue.push(chunk);
    position = next;
  };
  while (position < end && queue.length < inFlight) request();
  for (let chunk = queue.shift(); chunk !== undefined; chunk = queue.shift()) {
    const bytes = await chunk;
    signal?.throwIfAborted();
    if (position < end) request();
    yield bytes;
  }
}
