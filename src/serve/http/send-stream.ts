/**
 * Writes a body straight to Node's response. Not through a web stream: a failure half-way must cut the
 * connection, and the adapter would first append the error's text to the guest's bytes.
 */
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";

export interface StreamHead {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
}

/** `bytes` were handed to the connection; more than the client has seen when it was cut. */
export type StreamOutcome =
  | { readonly end: "complete"; readonly bytes: number }
  | { readonly end: "connection-lost"; readonly bytes: number }
  /** The body ended early; the client sees a broken connection, never a short success. */
  | { readonly end: "failed"; readonly bytes: number; readonly failure: unknown };

/** The client left, or the server is closing. */
class ConnectionLost extends Error {}

/** Chunks on their way to the client at a time: one is being sent while the next waits. */
const WRITES_IN_FLIGHT = 2;

/**
 * Nothing is sent before the first chunk is there, so a file that cannot be read at all still gets a proper status.
 * @param signal aborted when the client goes away
 * @throws whatever the body throws before its first chunk; later failures are in the outcome.
 */
export async function sendStream(
  outgoing: ServerResponse,
  head: StreamHead,
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<StreamOutcome> {
  const chunks = body[Symbol.asyncIterator]();
  let next = await chunks.next();
  let bytes = 0;
  try {
    outgoing.writeHead(head.status, head.headers);
    const writes: Promise<void>[] = [];
    while (next.done !== true) {
      writes.push(written(outgoing, next.value, signal));
      bytes += next.value.length;
      if (writes.length >= WRITES_IN_FLIGHT) await writes.shift();
      next = await chunks.next();
    }
    await Promise.all(writes);
    outgoing.end();
    return { end: "complete", bytes };
  } catch (failure) {
    outgoing.destroy();
    await chunks.return?.().catch(() => undefined);
    const lost = failure instanceof ConnectionLost || signal.aborted;
    return lost ? { end: "connection-lost", bytes } : { end: "failed", bytes, failure };
  }
}

function written(outgoing: ServerResponse, chunk: Uint8Array, signal: AbortSignal): Promise<void> {
  const done = new Promise<void>((resolve, reject) => {
    // Responses that wait behind another on the same connection never hear of its end by themselves.
    const gone = () => reject(new ConnectionLost());
    if (signal.aborted) return gone();
    signal.addEventListener("abort", gone, { once: true });
    outgoing.write(chunk, (error) => {
      signal.removeEventListener("abort", gone);
      if (error) reject(new ConnectionLost());
      else resolve();
    });
  });
  // Awaited later or, after an earlier failure, never; either way not an unhandled rejection.
  done.catch(() => undefined);
  return done;
}
