import { connect, createServer, type Socket } from "node:net";

export interface SlowLinkOptions {
  /** Where connections go on to, on this machine. */
  readonly port: number;
  /** What every byte takes longer, in each direction. */
  readonly delayMs: number;
  /** In each direction of each connection. */
  readonly bytesPerSecond: number;
}

export interface SlowLink {
  readonly port: number;
  /** Bytes carried to clients. */
  readonly carried: number;
  close(): Promise<void>;
}

/** A TCP proxy on this machine that is as slow as a line to somewhere else. */
export async function openSlowLink(options: SlowLinkOptions): Promise<SlowLink> {
  const sockets = new Set<Socket>();
  let carried = 0;
  const server = createServer((client) => {
    const target = connect(options.port, "127.0.0.1");
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      socket.once("close", () => sockets.delete(socket));
    }
    client.once("close", () => target.destroy());
    carry(client, target, options, () => undefined);
    carry(target, client, options, (bytes) => {
      carried += bytes;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    port: address.port,
    get carried() {
      return carried;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Bytes on their way above which the sender is made to wait, as by a full receive window. */
const WINDOW = 256 * 1024;

interface Parcel {
  readonly bytes: Buffer;
  readonly due: number;
}

/** One direction of a connection. Chunks leave in order, each when the line has been free long enough for it. */
function carry(
  from: Socket,
  to: Socket,
  { delayMs, bytesPerSecond }: SlowLinkOptions,
  onCarried: (bytes: number) => void,
): void {
  const underWay: Parcel[] = [];
  let waiting = 0;
  let freeAt = 0;
  let hasEnded = false;
  let timer: NodeJS.Timeout | undefined;
  const deliver = () => {
    timer = undefined;
    for (let next = underWay[0]; next !== undefined && next.due <= performance.now(); next = underWay[0]) {
      underWay.shift();
      waiting -= next.bytes.length;
      onCarried(next.bytes.length);
      to.write(next.bytes);
    }
    if (to.writableNeedDrain) to.once("drain", schedule);
    else schedule();
  };
  const schedule = () => {
    const [next] = underWay;
    if (waiting < WINDOW) from.resume();
    if (next !== undefined) timer ??= setTimeout(deliver, Math.max(0, next.due - performance.now()));
    else if (hasEnded) to.end();
  };
  from.on("data", (bytes: Buffer) => {
    freeAt = Math.max(freeAt, performance.now()) + (bytes.length / bytesPerSecond) * 1000;
    underWay.push({ bytes, due: freeAt + delayMs });
    waiting += bytes.length;
    if (waiting >= WINDOW) from.pause();
    if (!to.writableNeedDrain) schedule();
  });
  from.once("end", () => {
    hasEnded = true;
    schedule();
  });
  to.once("close", () => clearTimeout(timer));
}
