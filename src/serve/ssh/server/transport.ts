import type { Socket } from "node:net";
import type { Connection } from "ssh2";
import type { SshLimits } from "./limits.ts";

/** Bytes queued in the socket above which no more answers are prepared. */
const HIGH_WATER = 1024 * 1024;
/** Bytes queued above which nothing more is read: ssh2 answers every request, whether or not the client listens. */
const MOST_UNSENT = 4 * HIGH_WATER;

/**
 * The socket below one SSH connection. ssh2 writes to it without looking whether the client still reads;
 * this is where programs wait for it.
 */
export class Transport {
  readonly #socket: Socket;
  readonly #connection: Connection;
  readonly #limits: SshLimits;
  #lastActivity = Date.now();
  #keyedAt = Date.now();
  #keyedAtBytes = 0;
  #rekeying: Promise<void> | undefined;

  constructor(socket: Socket, connection: Connection, limits: SshLimits) {
    this.#socket = socket;
    this.#connection = connection;
    this.#limits = limits;
    // What one chunk from the client sets off leaves as one write.
    socket.prependListener("data", () => {
      this.#gather();
      this.#listenLater();
    });
  }

  get address(): string {
    return this.#socket.remoteAddress ?? "";
  }

  /** Milliseconds since a session channel last carried something. */
  get idleMs(): number {
    return Date.now() - this.#lastActivity;
  }

  touch(): void {
    this.#lastActivity = Date.now();
  }

  /** Runs `write`; the many small writes ssh2 makes of it leave as one. */
  send(write: () => void): void {
    this.touch();
    this.#gather();
    write();
  }

  /** Resolves when the client has taken most of what was sent, or is gone. */
  async drain(): Promise<void> {
    this.#rekeyWhenDue();
    await this.#rekeying;
    while (this.#socket.writable && this.#socket.writableLength > HIGH_WATER) {
      await firstEvent(this.#socket, "drain", "close");
    }
  }

  /** Reads nothing more; the socket closes when the client has taken what was sent. */
  cut(): void {
    this.#socket.pause();
    this.#socket.destroySoon();
  }

  #listenLater(): void {
    if (this.#socket.writableLength <= MOST_UNSENT || this.#socket.isPaused()) return;
    this.#socket.pause();
    this.#socket.once("drain", () => this.#socket.resume());
  }

  #gather(): void {
    if (this.#socket.writableCorked > 0) return;
    this.#socket.cork();
    process.nextTick(() => this.#socket.uncork());
  }

  /** Answers wait meanwhile: ssh2 queues packets during a key exchange without a bound. */
  #rekeyWhenDue(): void {
    const sent = this.#socket.bytesWritten - this.#keyedAtBytes;
    const isDue = sent >= this.#limits.rekeyBytes || Date.now() - this.#keyedAt >= this.#limits.rekeyMs;
    if (!isDue || this.#rekeying !== undefined || !this.#socket.writable) return;
    this.#keyedAt = Date.now();
    this.#keyedAtBytes = this.#socket.bytesWritten;
    const deadline = setTimeout(() => this.#socket.destroy(), this.#limits.loginTimeMs);
    this.#rekeying = firstEvent(this.#connection, "rekey", "close").finally(() => {
      clearTimeout(deadline);
      this.#rekeying = undefined;
    });
    this.#connection.rekey();
  }
}

interface Emitter {
  once(event: string, listener: () => void): unknown;
  removeListener(event: string, listener: () => void): unknown;
}

function firstEvent(emitter: Emitter, ...events: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      for (const event of events) emitter.removeListener(event, settle);
      resolve();
    };
    for (const event of events) emitter.once(event, settle);
  });
}
