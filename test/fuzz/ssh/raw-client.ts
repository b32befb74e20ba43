import { once } from "node:events";
import { connect, type Socket } from "node:net";
import ssh2 from "ssh2";

/** What a server needs to be for these clients. */
export interface Target {
  readonly port: number;
  readonly privateKey: string;
}

/** The parts of ssh2's client below its API. */
interface Packets {
  readonly _packetRW: {
    readonly write: { alloc(length: number): Buffer; readonly allocStart: number; finalize(packet: Buffer): Buffer };
  };
  readonly _cipher: { encrypt(packet: Buffer): void };
  readonly _decipher: { _onPayload: (payload: Buffer) => void };
}

/** A client that has agreed on keys, and says what it is told to: any payload, right or wrong. */
export class RawClient {
  readonly #client: ssh2.Client;
  readonly socket: Socket;

  private constructor(client: ssh2.Client, socket: Socket) {
    this.#client = client;
    this.socket = socket;
  }

  /** Logs in. */
  static async login({ port, privateKey }: Target): Promise<RawClient> {
    const socket = connect(port, "127.0.0.1");
    const client = new ssh2.Client();
    client.on("error", () => undefined);
    client.connect({ sock: socket, username: "restore", privateKey, readyTimeout: 0 });
    await once(client, "ready");
    return new RawClient(client, socket);
  }

  /** Agrees on keys and goes no further. */
  static async stranger({ port }: Pick<Target, "port">): Promise<RawClient> {
    const socket = connect(port, "127.0.0.1");
    const client = new ssh2.Client();
    client.on("error", () => undefined);
    const greeted = once(client, "handshake");
    client.connect({ sock: socket, username: "restore", authHandler: () => undefined, readyTimeout: 0 });
    await greeted;
    return new RawClient(client, socket);
  }

  get isConnected(): boolean {
    return !this.socket.destroyed && this.socket.writable;
  }

  /** One packet with this payload. */
  send(payload: Uint8Array): void {
    if (!this.isConnected) return;
    const { _packetRW, _cipher } = this.#packets;
    const packet = _packetRW.write.alloc(payload.length);
    packet.set(payload, _packetRW.write.allocStart);
    _cipher.encrypt(_packetRW.write.finalize(packet));
  }

  /** Takes what the server sends, and never reacts to it. */
  ignoreEverything(): void {
    this.#packets._decipher._onPayload = () => undefined;
  }

  get #packets(): Packets {
    return Reflect.get(this.#client, "_protocol") as Packets;
  }

  /** Resolves when the server has closed the connection. */
  async ended(): Promise<void> {
    if (!this.socket.destroyed && !this.socket.closed) await once(this.socket, "close");
  }

  close(): void {
    this.socket.destroy();
  }
}
