import fc from "fast-check";
import { expect, test } from "vitest";
import { createRestoreTree } from "../../../src/restore-tree/restore-tree.ts";
import { PacketType } from "../../../src/serve/ssh/sftp/protocol.ts";
import { memoryDisk, memoryTreeDisk } from "../../setup/memory-disk.ts";
import { MemoryFileSystem } from "../../setup/memory-file-system.ts";
import { exchangeSftp, sftpPacket } from "../../setup/sftp-exchange.ts";
import { tally } from "../../setup/tally.ts";

const CASES = 20_000;
const SEED = 20_261_123;

const path = fc.oneof(
  fc.constantFrom("/", "/web", "/web/file", "/web/dir", "/web/link", "/web/../..", "", ".", "~", "~x", "/web/dir/\0"),
  fc.uint8Array({ maxLength: 40 }),
);
const handle = fc.oneof(
  fc.constantFrom(...[0, 1, 2, 3].map((number) => Buffer.from([0, 0, 0, number]))),
  fc.uint8Array({ maxLength: 8 }),
);
const field = fc.oneof(path, handle, fc.nat(), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }));
const extension = fc.constantFrom(
  "limits@openssh.com",
  "statvfs@openssh.com",
  "fstatvfs@openssh.com",
  "users-groups-by-id@openssh.com",
  "home-directory",
  "expand-path@openssh.com",
  "copy-data",
);
const id = fc.nat(1000);

/** Mostly sensible requests, some with any fields, some bytes that are no packet at all. */
const packet = fc.oneof(
  fc.tuple(id, path, fc.nat(64)).map(([number, name, flags]) => sftpPacket(PacketType.OPEN, number, name, flags, 0)),
  fc
    .tuple(id, handle, fc.bigInt({ min: 0n, max: 2000n }), fc.nat())
    .map(([number, of, offset, length]) => sftpPacket(PacketType.READ, number, of, offset, length)),
  fc.tuple(fc.constantFrom(7, 11, 16, 17, 19), id, path).map(([type, number, name]) => sftpPacket(type, number, name)),
  fc.tuple(fc.constantFrom(4, 8, 12), id, handle).map(([type, number, of]) => sftpPacket(type, number, of)),
  fc.tuple(id, extension, fc.array(field, { maxLength: 3 })).map(([number, name, fields]) => {
    return sftpPacket(PacketType.EXTENDED, number, name, ...fields);
  }),
  fc.tuple(fc.nat(255), fc.array(field, { maxLength: 4 })).map(([type, fields]) => sftpPacket(type, ...fields)),
  fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
);

test("no sequence of packets does anything but get answers or end the session", async () => {
  const fileSystem = new MemoryFileSystem();
  fileSystem.file(fileSystem.root, "file", "x".repeat(1500));
  const directory = fileSystem.directory(fileSystem.root, "dir");
  for (let index = 0; index < 20; index++) fileSystem.file(directory, `${index}`);
  fileSystem.symlink(fileSystem.root, "link", "dir");
  const disks = [memoryTreeDisk("web", memoryDisk(fileSystem))];
  const backups = [{ name: "b", vm: { namespace: "", name: "vm" }, disks }];
  const tree = createRestoreTree({ layout: "disks", backups });
  let answered = 0;
  const property = fc.asyncProperty(fc.array(packet, { maxLength: 8 }), fc.boolean(), async (packets, isGreeting) => {
    const greeting = isGreeting ? [sftpPacket(PacketType.INIT, 3)] : [];
    const { status, replies, errors } = await exchangeSftp(tree, [...greeting, ...packets], { limits: { handles: 4 } });
    expect([0, 1]).toContain(status);
    expect(errors).toEqual([]);
    expect(replies.length).toBeLessThanOrEqual(greeting.length + packets.length * 8);
    expect(fileSystem.openSources).toBe(0);
    answered += replies.length;
  });
  await fc.assert(property, {
    numRuns: CASES,
    seed: SEED,
    interruptAfterTimeLimit: 120_000,
    markInterruptAsFailure: false,
  });
  expect(answered).toBeGreaterThan(CASES);
  tally("sequences of hostile SFTP packets survived", CASES);
});
