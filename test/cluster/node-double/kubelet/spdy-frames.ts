/** Frames of SPDY/3.1 (draft 3, section 2.2): integers are big-endian. */
import type { Readable } from "node:stream";

/** Two words before the payload. A control frame has the highest bit set; the length of the payload has 24 bits. */
const HEADER_BYTES = 8;
const CONTROL_BIT = 0x8000_0000;
const VERSION = 3;

/** Types of control frames. */
export const FRAME_TYPES = { synStream: 1, synReply: 2, rstStream: 3, ping: 6 } as const;

/** Says that its sender sends nothing more on the stream. */
export const FLAG_FIN = 1;

export interface DataFrame {
  readonly kind: "data";
  readonly streamId: number;
  readonly flags: number;
  readonly payload: Buffer;
}

export interface ControlFrame {
  readonly kind: "control";
  readonly type: number;
  readonly flags: number;
  readonly payload: Buffer;
}

/**
 * The frames that a peer sends, until it ends.
 * @throws when the connection breaks or a control frame is of another version
 */
export async function* framesOf(connection: Readable): AsyncGenerator<DataFrame | ControlFrame> {
  let received = Buffer.alloc(0);
  for await (const chunk of connection as AsyncIterable<Buffer>) {
    received = Buffer.concat([received, chunk]);
    while (received.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + received.readUIntBE(5, 3);
      if (received.length < end) break;
      yield parseFrame(received.subarray(0, end));
      received = received.subarray(end);
    }
  }
}

function parseFrame(frame: Buffer): DataFrame | ControlFrame {
  const word = frame.readUInt32BE(0);
  const flags = frame.readUInt8(4);
  const payload = frame.subarray(HEADER_BYTES);
  if (word < CONTROL_BIT) return { kind: "data", streamId: word, flags, payload };
  const version = (word - CONTROL_BIT) >>> 16;
  if (version !== VERSION) throw new Error(`a frame of SPDY version ${version}`);
  return { kind: "control", type: word & 0xffff, flags, payload };
}

export function dataFrame(streamId: number, flags: number, payload: Buffer): Buffer {
  return frameOf(streamId, flags, payload);
}

export function controlFrame(type: number, payload: Buffer): Buffer {
  return frameOf(CONTROL_BIT + VERSION * 0x1_0000 + type, 0, payload);
}

function frameOf(word: number, flags: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(word, 0);
  header.writeUInt8(flags, 4);
  header.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([header, payload]);
}

/** Words of 32 bits, one after the other. */
export function uint32s(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
}
