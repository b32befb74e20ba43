import { expect, test } from "vitest";
import { memoryDisk, memoryTreeDisk } from "../../../../test/setup/memory-disk.ts";
import { MemoryFileSystem } from "../../../../test/setup/memory-file-system.ts";
import { exchangeSftp, sftpPacket } from "../../../../test/setup/sftp-exchange.ts";
import { CorruptDataError, UnsupportedFeatureError } from "../../../errors.ts";
import { createRestoreTree } from "../../../restore-tree/restore-tree.ts";
import type { RestoreTree } from "../../../restore-tree/tree-node.ts";
import type { SparseSource } from "../../../source/byte-source.ts";
import { PacketType, StatusCode } from "./protocol.ts";

const INIT = sftpPacket(PacketType.INIT, 3);
const FIRST_HANDLE = Buffer.from([0, 0, 0, 1]);

function treeOf(fileSystem: MemoryFileSystem): RestoreTree {
  const disks = [memoryTreeDisk("web", memoryDisk(fileSystem))];
  return createRestoreTree({ layout: "disks", backups: [{ name: "b", vm: { namespace: "", name: "vm" }, disks }] });
}

/** Sends each packet alone, so that it is answered before the next. */
async function* oneByOne(...packets: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const packet of packets) {
    yield packet;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function statusOf(reply: Buffer | undefined): { code: number; message: string } | undefined {
  if (reply?.[0] !== PacketType.STATUS) return undefined;
  const length = reply.readUInt32BE(9);
  return { code: reply.readUInt32BE(5), message: reply.toString("utf8", 13, 13 + length) };
}

function namesOf(reply: Buffer | undefined): { name: Buffer; longName: string }[] {
  if (reply?.[0] !== PacketType.NAME) return [];
  const names: { name: Buffer; longName: string }[] = [];
  let offset = 9;
  for (let left = reply.readUInt32BE(5); left > 0; left--) {
    const name = reply.subarray(offset + 4, offset + 4 + reply.readUInt32BE(offset));
    offset += 4 + name.length;
    const longName = reply.toString("utf8", offset + 4, offset + 4 + reply.readUInt32BE(offset));
    offset += 4 + reply.readUInt32BE(offset);
    const flags = reply.readUInt32BE(offset);
    offset += 4 + (flags === 15 ? 28 : flags === 4 ? 4 : 0);
    names.push({ name, longName });
  }
  expect(offset).toBe(reply.length);
  return names;
}

test("greets with version 3 and its extensions, whatever the client's version", async () => {
  const { replies, status } = await exchangeSftp(treeOf(new MemoryFileSystem()), [sftpPacket(PacketType.INIT, 6)]);
  expect(status).toBe(0);
  expect(replies[0]?.readUInt32BE(1)).toBe(3);
  for (const name of [
    "limits@openssh.com",
    "statvfs@openssh.com",
    "users-groups-by-id@openssh.com",
    "home-directory",
  ]) {
    expect(replies[0]?.includes(name)).toBe(true);
  }
});

test("reads a file whatever the pieces its requests arrive in", async () => {
  const fileSystem = new MemoryFileSystem();
  fileSystem.file(fileSystem.root, "file", "0123456789");
  const input = Buffer.concat([INIT, sftpPacket(PacketType.OPEN, 1, "/web/file", 1, 0)]);
  const bytes = [...input].map((byte) => Buffer.of(byte));
  const requests = [
    sftpPacket(PacketType.READ, 2, FIRST_HANDLE, 2n, 5),
    sftpPacket(PacketType.READ, 3, FIRST_HANDLE, 8n, 100),
    sftpPacket(PacketType.READ, 4, FIRST_HANDLE, 10n, 1),
    sftpPacket(PacketType.READ, 5, FIRST_HANDLE, 0xffff_ffff_ffff_ffffn, 1),
    sftpPacket(PacketType.CLOSE, 6, FIRST_HANDLE),
    sftpPacket(PacketType.READ, 7, FIRST_HANDLE, 0n, 1),
  ];
  const { replies } = await exchangeSftp(treeOf(fileSystem), oneByOne(...bytes, ...requests));
  expect(replies[1]?.[0]).toBe(PacketType.HANDLE);
  expect(replies[2]?.toString("latin1", 9)).toBe("23456");
  expect(replies[3]?.toString("latin1", 9)).toBe("89");
  expect(replies.slice(4).map((reply) => statusOf(reply)?.code)).toEqual([
    StatusCode.EOF,
    StatusCode.EOF,
    StatusCode.OK,
    StatusCode.FAILURE,
  ]);
  expect(fileSystem.openSources).toBe(0);
});

test("reads in sequence come from blocks fetched ahead, to the last byte; a close does not cut reads off", async () => {
  const fileSystem = new MemoryFileSystem();
  const content = Buffer.from(Uint8Array.from({ length: 3_000_001 }, (_, index) => (index * 7) >> 3));
  fileSystem.file(fileSystem.root, "file", content);
  const reads: Buffer[] = [];
  for (let offset = 0; offset < content.length; offset += 32_768) {
    reads.push(sftpPacket(PacketType.READ, 100 + offset, FIRST_HANDLE, BigInt(offset), 32_768));
  }
  const close = sftpPacket(PacketType.CLOSE, 2, FIRST_HANDLE);
  const open = sftpPacket(PacketType.OPEN, 1, "/web/file", 1, 0);
  const { replies } = await exchangeSftp(treeOf(fileSystem), oneByOne(INIT, open, Buffer.concat([...reads, close])));
  const data = replies.filter((reply) => reply[0] === PacketType.DATA);
  data.sort((left, right) => left.readUInt32BE(1) - right.readUInt32BE(1));
  expect(Buffer.concat(data.map((reply) => reply.subarray(9))).equals(content)).toBe(true);
  expect(fileSystem.openSources).toBe(0);
});

test("lists raw names, escapes long names, and keeps an entry whose inode is damaged", async () => {
  const fileSystem = new MemoryFileSystem();
  const invalid = Buffer.from([0x66, 0xff, 0x0a]);
  fileSystem.file(fileSystem.root, invalid, "x");
  const broken = fileSystem.file(fileSystem.root, "broken", "x");
  fileSystem.break(broken, new CorruptDataError({ format: "ext4", structure: "inode 13" }, "checksum"));
  const { replies, explanations } = await exchangeSftp(
    treeOf(fileSystem),
    oneByOne(
      INIT,
      sftpPacket(PacketType.OPENDIR, 1, "/web"),
      sftpPacket(PacketType.READDIR, 2, FIRST_HANDLE),
      sftpPacket(PacketType.READDIR, 3, FIRST_HANDLE),
      sftpPacket(PacketType.LSTAT, 4, "/web/broken"),
    ),
  );
  const names = namesOf(replies[2]);
  expect(names.map(({ name }) => name.toString("latin1"))).toEqual([".", "..", "f\xff\n", "broken"]);
  expect(names[2]?.longName).toMatch(/^-rw-r--r-- .*f\\xff\\x0a$/);
  expect(names[3]?.longName).toMatch(/^-\?{9} .*broken$/);
  expect(statusOf(replies[3])?.code).toBe(StatusCode.EOF);
  expect(statusOf(replies[4])).toEqual({ code: StatusCode.FAILURE, message: "ext4: inode 13: checksum" });
  expect(explanations).toEqual(["ext4: inode 13: checksum"]);
});

test("a directory of many entries comes in many replies of bounded size", async () => {
  const fileSystem = new MemoryFileSystem("memory", 1000);
  for (let index = 0; index < 5000; index++) fileSystem.file(fileSystem.root, `${index}-${"n".repeat(200)}`);
  const reads = Array.from({ length: 100 }, (_, index) => sftpPacket(PacketType.READDIR, index, FIRST_HANDLE));
  const open = sftpPacket(PacketType.OPENDIR, 1, "/web");
  const { replies } = await exchangeSftp(treeOf(fileSystem), oneByOne(INIT, open, Buffer.concat(reads)));
  const names = replies.flatMap((reply) => namesOf(reply).map(({ name }) => name.toString()));
  expect(new Set(names).size).toBe(5002);
  expect(names).toHaveLength(5002);
  expect(Math.max(...replies.map((reply) => reply.length))).toBeLessThan(34_000);
});

test("refuses what would write, and what it does not know, without ending", async () => {
  const fileSystem = new MemoryFileSystem();
  fileSystem.file(fileSystem.root, "file", "x");
  const denied = [
    sftpPacket(PacketType.OPEN, 1, "/web/file", 2, 0),
    sftpPacket(PacketType.OPEN, 1, "/web/new", 0x1b, 0),
    ...[6, 9, 10, 13, 14, 15, 18, 20].map((type) => sftpPacket(type, 1, "/web/file", "/web/other", 0)),
    ...[
      "posix-rename@openssh.com",
      "hardlink@openssh.com",
      "fsync@openssh.com",
      "lsetstat@openssh.com",
      "copy-data",
    ].map((name) => sftpPacket(PacketType.EXTENDED, 1, name, "/web/file", "/web/other")),
  ];
  const unsupported = [sftpPacket(PacketType.EXTENDED, 1, "nonsense@example.com"), sftpPacket(77, 1)];
  const { replies, status } = await exchangeSftp(treeOf(fileSystem), oneByOne(INIT, ...denied, ...unsupported));
  const codes = replies.slice(1).map((reply) => statusOf(reply)?.code);
  expect(codes).toEqual([
    ...denied.map(() => StatusCode.PERMISSION_DENIED),
    ...unsupported.map(() => StatusCode.OP_UNSUPPORTED),
  ]);
  expect(status).toBe(0);
});

test("paths: relative to home, tilde, real paths with a last name that need not exist", async () => {
  const fileSystem = new MemoryFileSystem();
  const etc = fileSystem.directory(fileSystem.root, "etc");
  fileSystem.file(etc, "hosts", "x");
  fileSystem.symlink(fileSystem.root, "link", "etc");
  const ask = async (...fields: readonly (number | string)[]) => {
    const [type = 0, ...rest] = fields;
    const packet = sftpPacket(Number(type), 1, ...rest);
    const options = { home: Buffer.from("/web") };
    const { replies } = await exchangeSftp(treeOf(fileSystem), oneByOne(INIT, packet), options);
    return namesOf(replies[1])[0]?.name.toString() ?? statusOf(replies[1])?.code;
  };
  expect(await ask(PacketType.REALPATH, ".")).toBe("/web");
  expect(await ask(PacketType.REALPATH, "link/../etc/./hosts")).toBe("/web/etc/hosts");
  expect(await ask(PacketType.REALPATH, "link/new")).toBe("/web/etc/new");
  expect(await ask(PacketType.REALPATH, "nothing/new")).toBe(StatusCode.NO_SUCH_FILE);
  expect(await ask(PacketType.REALPATH, "../../..")).toBe("/");
  expect(await ask(PacketType.READLINK, "/web/link")).toBe("etc");
  expect(await ask(PacketType.EXTENDED, "expand-path@openssh.com", "~/etc")).toBe("/web/etc");
  expect(await ask(PacketType.EXTENDED, "expand-path@openssh.com", "~root/x")).toBe(StatusCode.NO_SUCH_FILE);
  expect(await ask(PacketType.EXTENDED, "home-directory", "anybody")).toBe("/web");
  expect(await ask(PacketType.STAT, "etc/hosts\0")).toBe(StatusCode.FAILURE);
});

test("a guest's unsupported file is a failure with words, never OP_UNSUPPORTED", async () => {
  const fileSystem = new MemoryFileSystem();
  const file = fileSystem.file(fileSystem.root, "secret", "x");
  fileSystem.break(file, new UnsupportedFeatureError("ext4", ["encrypted file"]));
  const open = sftpPacket(PacketType.OPEN, 1, "/web/secret", 1, 0);
  const { replies, explanations } = await exchangeSftp(treeOf(fileSystem), oneByOne(INIT, open));
  expect(statusOf(replies[1])?.code).toBe(StatusCode.FAILURE);
  expect(explanations).toEqual(["ext4: not supported: encrypted file"]);
});

test("handles are bounded, and closed when the client leaves without closing them", async () => {
  const fileSystem = new MemoryFileSystem();
  fileSystem.file(fileSystem.root, "file", "x");
  const opens = Array.from({ length: 5 }, (_, id) => sftpPacket(PacketType.OPEN, id, "/web/file", 1, 0));
  const limits = { handles: 3 };
  const { replies } = await exchangeSftp(treeOf(fileSystem), [INIT, Buffer.concat(opens)], { limits });
  expect(replies.filter((reply) => reply[0] === PacketType.HANDLE)).toHaveLength(3);
  expect(replies.filter((reply) => statusOf(reply)?.code === StatusCode.FAILURE)).toHaveLength(2);
  expect(fileSystem.openSources).toBe(0);
});

test("what cannot be answered ends the session with status 1, what cannot be parsed is a bad message", async () => {
  const tree = treeOf(new MemoryFileSystem());
  const impossible = [
    [sftpPacket(PacketType.STAT, 1, "/")],
    [INIT, Buffer.from([0, 0, 0, 0])],
    [INIT, Buffer.from([0xff, 0xff, 0xff, 0xff, 5])],
    [INIT, Buffer.from([0, 0, 0, 2, 5, 1])],
  ];
  for (const chunks of impossible) expect((await exchangeSftp(tree, chunks)).status).toBe(1);
  const cut = Buffer.from([0, 0, 0, 9, PacketType.STAT, 0, 0, 0, 1, 0, 0, 0, 99]);
  const { replies, status } = await exchangeSftp(tree, [INIT, cut]);
  expect(statusOf(replies[1])?.code).toBe(StatusCode.BAD_MESSAGE);
  expect(status).toBe(0);
});

test("answers come in the order of the requests, whatever each of them takes", async () => {
  const guest = new FirstReadsLast();
  guest.file(guest.root, "file", Buffer.alloc(300_000, 7));
  const reads = Array.from({ length: 8 }, (_, index) =>
    sftpPacket(PacketType.READ, 10 + index, FIRST_HANDLE, BigInt(index * 100_000), 50_000),
  );
  const others = [sftpPacket(PacketType.STAT, 18, "/web"), sftpPacket(PacketType.READ, 19)];
  const opened = [INIT, sftpPacket(PacketType.OPEN, 1, "/web/file", 1, 0)];
  const { replies } = await exchangeSftp(treeOf(guest), oneByOne(...opened, Buffer.concat([...reads, ...others])));
  expect(replies.slice(2).map((reply) => reply.readUInt32BE(1))).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
});

/** Reads that begin a file take longest. */
class FirstReadsLast extends MemoryFileSystem {
  override async openFile(node: number): Promise<SparseSource> {
    const source = await super.openFile(node);
    const read = source.read.bind(source);
    source.read = async (offset, length) => {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, 20 - offset / 10_000)));
      return read(offset, length);
    };
    return source;
  }
}
