import { PacketType } from "../../../src/serve/ssh/sftp/protocol.ts";
import { sftpPacket } from "../../setup/sftp-exchange.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** One well-formed request. */
export interface SftpCall {
  readonly type: number;
  readonly id: number;
  /** Name of the extension. */
  readonly extension?: string;
  readonly packet: Buffer;
}

export const GREETING = sftpPacket(PacketType.INIT, 3);

const PATHS = [
  "/",
  "/web",
  "/web/file",
  "/web/dir",
  "/web/dir/3",
  "/web/link",
  "/web/loop",
  "/web/host",
  "/web/fifo",
  "/web/dir/up/..",
  "/web/../../../etc/passwd",
  "/web/none/x",
  "web",
  "",
  ".",
  "..",
  "~",
  "~root",
  "/web/file/",
  "/web/dir/\0",
];

const WRITES = [
  PacketType.WRITE,
  PacketType.SETSTAT,
  PacketType.FSETSTAT,
  PacketType.REMOVE,
  PacketType.MKDIR,
  PacketType.RMDIR,
  PacketType.RENAME,
  PacketType.SYMLINK,
];

export const WRITING_EXTENSIONS = [
  "posix-rename@openssh.com",
  "hardlink@openssh.com",
  "fsync@openssh.com",
  "lsetstat@openssh.com",
  "copy-data",
  "copy-file",
];

const READING_EXTENSIONS = [
  "limits@openssh.com",
  "statvfs@openssh.com",
  "fstatvfs@openssh.com",
  "users-groups-by-id@openssh.com",
  "home-directory",
  "expand-path@openssh.com",
  "nonsense@example.org",
];

export function isWrite({ type, extension }: SftpCall): boolean {
  if (type === PacketType.EXTENDED) return WRITING_EXTENSIONS.includes(extension ?? "");
  return WRITES.some((write) => write === type);
}

function path(random: SeededRandom): string | Buffer {
  if (random.percent(80)) return random.pick(PATHS);
  return random.percent(10) ? Buffer.from("/web/..".repeat(random.below(300))) : random.bytes(40);
}

/** Handles are numbers from 1 on, so some of these are open. */
function handle(random: SeededRandom): Buffer {
  return random.percent(85) ? Buffer.of(0, 0, 0, random.below(5)) : random.bytes(8);
}

function attributes(random: SeededRandom): Buffer {
  const flags = Buffer.alloc(4);
  flags.writeUInt32BE(random.percent(80) ? random.below(16) : random.boundary(), 0);
  return Buffer.concat([flags, random.bytes(28)]);
}

export function call(random: SeededRandom, id: number): SftpCall {
  const { OPEN, READ, EXTENDED } = PacketType;
  switch (random.below(8)) {
    case 0:
      return { type: OPEN, id, packet: sftpPacket(OPEN, id, path(random), random.pick([1, 1, 1, 2, 0x1a, 0xff]), 0) };
    case 1:
    case 2: {
      const offset = random.percent(70) ? BigInt(random.below(2000)) : BigInt(random.boundary()) << 31n;
      return { type: READ, id, packet: sftpPacket(READ, id, handle(random), offset, random.boundary()) };
    }
    case 3: {
      const extension = random.pick([...READING_EXTENSIONS, ...WRITING_EXTENSIONS]);
      const of = random.percent(50) ? handle(random) : path(random);
      return { type: EXTENDED, id, extension, packet: sftpPacket(EXTENDED, id, extension, of, random.bytes(30)) };
    }
    case 4: {
      const type = random.pick(WRITES);
      const rest = Buffer.concat([attributes(random)]);
      return { type, id, packet: sftpPacket(type, id, path(random), rest) };
    }
    case 5: {
      const type = random.pick([PacketType.CLOSE, PacketType.FSTAT, PacketType.READDIR]);
      return { type, id, packet: sftpPacket(type, id, handle(random)) };
    }
    default: {
      const { LSTAT, STAT, OPENDIR, REALPATH, READLINK } = PacketType;
      const type = random.pick([LSTAT, STAT, OPENDIR, OPENDIR, REALPATH, READLINK]);
      return { type, id, packet: sftpPacket(type, id, path(random)) };
    }
  }
}

/** Breaks a stream of packets in one to three places. */
export function mutate(random: SeededRandom, packets: readonly Buffer[]): Buffer[] {
  let mutated: Buffer[] = packets.map((packet) => Buffer.from(packet));
  for (let left = 1 + random.below(3); left > 0; left--) {
    const index = random.below(mutated.length);
    const packet = mutated[index] ?? Buffer.of();
    mutated = mutated.toSpliced(index, 1, ...mutatePacket(random, packet));
  }
  return mutated.length === 0 ? [random.bytes(20)] : mutated;
}

function mutatePacket(random: SeededRandom, packet: Buffer): Buffer[] {
  const at = random.below(Math.max(1, packet.length - 3));
  switch (random.below(8)) {
    case 0:
      if (packet.length >= 4) packet.writeUInt32BE(random.boundary(), 0);
      return [packet];
    case 1:
      if (packet.length > at) packet[at] = random.below(256);
      return [packet];
    case 2:
      if (packet.length >= at + 4) packet.writeUInt32BE(random.boundary(), at);
      return [packet];
    case 3:
      return [packet.subarray(0, random.below(packet.length + 1))];
    case 4:
      return [packet, Buffer.from(packet)];
    case 5:
      return [packet, random.bytes(30)];
    case 6:
      return [Buffer.from(GREETING), packet];
    default:
      return [];
  }
}

/** The same bytes as a network may cut them. */
export function cut(random: SeededRandom, bytes: Buffer): Buffer[] {
  if (random.percent(50)) return [bytes];
  const chunks: Buffer[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const length = 1 + random.below(random.percent(50) ? 8 : 200);
    chunks.push(bytes.subarray(offset, offset + length));
    offset += length;
  }
  return chunks;
}
