import { Duplex } from "node:stream";
import { type ControlFrame, controlFrame, dataFrame, FLAG_FIN, FRAME_TYPES, framesOf, uint32s } from "./spdy-frames.ts";
import { SpdyHeaderBlocks, type SpdyHeaders } from "./spdy-headers.ts";

/** Section 2.6.3: the stream is no longer needed. */
const STATUS_CANCEL = 5;
/** Of a SYN_STREAM, before its header block: two stream identifiers, priority and slot. */
const SYN_STREAM_FIELDS_BYTES = 10;

/**
 * One stream that the client opened: bytes both ways, each of which ends on its own. What arrives is kept until it is
 * read: Kubernetes' clients take no part in SPDY's flow control.
 */
export class SpdyStream extends Duplex {
  readonly headers: SpdyHeaders;
  readonly #id: number;
  readonly #connection: Duplex;

  constructor(connection: Duplex, id: number, headers: SpdyHeaders) {
    super();
    this.#connection = connection;
    this.#id = id;
    this.headers = headers;
  }

  override _read(): void {
    // The connection pushes what arrives.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#connection.write(dataFrame(this.#id, 0, chunk), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#connection.write(dataFrame(this.#id, FLAG_FIN, Buffer.alloc(0)), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const isOpen = !(this.writableFinished && this.readableEnded) && this.#connection.writable;
    if (isOpen) this.#connection.write(controlFrame(FRAME_TYPES.rstStream, uint32s(this.#id, STATUS_CANCEL)));
    done(error);
  }
}

/** The accepting end of SPDY/3.1, as far as Kubernetes' clients speak it: the client opens all streams. */
export class SpdyConnection {
  readonly #connection: Duplex;
  readonly #onStream: (stream: SpdyStream) => void;
  readonly #headerBlocks = new SpdyHeaderBlocks();
  readonly #streams = new Map<number, SpdyStream>();

  constructor(connection: Duplex, onStream: (stream: SpdyStream) => void) {
    this.#connection = connection;
    this.#onStream = onStream;
  }

  /** Serves the client until it ends. @throws when it breaks off or does not speak SPDY/3 */
  async run(): Promise<void> {
    try {
      for await (const frame of framesOf(this.#connection)) {
        if (frame.kind === "control") await this.#control(frame);
        else this.#deliver(frame.streamId, frame.flags, frame.payload);
      }
    } finally {
      this.#connection.destroy();
      for (const stream of this.#streams.values()) stream.destroy();
    }
  }

  async #control({ type, flags, payload }: ControlFrame): Promise<void> {
    if (type === FRAME_TYPES.synStream) await this.#open(flags, payload);
    else if (type === FRAME_TYPES.rstStream) this.#streams.get(payload.readUInt32BE(0))?.destroy();
    else if (type === FRAME_TYPES.ping) this.#connection.write(controlFrame(FRAME_TYPES.ping, payload));
    // SETTINGS, WINDOW_UPDATE and HEADERS ask for nothing here, and after GOAWAY the client ends by itself.
  }

  async #open(flags: number, payload: Buffer): Promise<void> {
    const id = payload.readUInt32BE(0);
    const headers = await this.#headerBlocks.decode(payload.subarray(SYN_STREAM_FIELDS_BYTES));
    const stream = new SpdyStream(this.#connection, id, headers);
    this.#streams.set(id, stream);
    stream.once("close", () => this.#streams.delete(id));
    const reply = Buffer.concat([uint32s(id), await this.#headerBlocks.encodeNone()]);
    this.#connection.write(controlFrame(FRAME_TYPES.synReply, reply));
    this.#onStream(stream);
    this.#deliver(id, flags, Buffer.alloc(0));
  }

  #deliver(id: number, flags: number, payload: Buffer): void {
    const stream = this.#streams.get(id);
    // Whatever was under way to a stream that this end has left.
    if (stream === undefined) return;
    if (payload.length > 0) stream.push(payload);
    if ((flags & FLAG_FIN) !== 0) stream.push(null);
  }
}
