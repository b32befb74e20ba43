import { nameFromText } from "../../../src/bytes/byte-name.ts";
import { MemoryFileSystem } from "../../setup/memory-file-system.ts";

const BLOCK = 4096;
const GIB = 1024 ** 3;
/** 2026-03-01T12:34:56 UTC, in nanoseconds. */
const MOMENT = 1_772_368_496n * 1_000_000_000n;

function noise(length: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state >>> 16;
  });
}

/** `user::rw-,user:1001:r-x,group::r--,mask::r-x,other::---` in the kernel's form. */
function accessAcl(): Uint8Array {
  const entries = [
    [1, 6, 0xffffffff],
    [2, 5, 1001],
    [4, 4, 0xffffffff],
    [16, 5, 0xffffffff],
    [32, 0, 0xffffffff],
  ] as const;
  const acl = Buffer.alloc(4 + entries.length * 8);
  acl.writeUInt32LE(2, 0);
  for (const [index, [tag, permissions, id]] of entries.entries()) {
    acl.writeUInt16LE(tag, 4 + index * 8);
    acl.writeUInt16LE(permissions, 6 + index * 8);
    acl.writeUInt32LE(id, 8 + index * 8);
  }
  return acl;
}

function addNames(guest: MemoryFileSystem): void {
  const names = guest.directory(guest.root, "names", { mode: 0o750, mtime: MOMENT + 1n });
  const odd: (string | Uint8Array)[] = [
    "plain",
    "with space",
    "Grüße, 世界",
    Buffer.from([0x66, 0xff, 0xfe, 0x80]),
    "new\nline",
    "tab\tand\x1b[31mescape",
    "-rf",
    "back\\slash",
    "quote'\"",
    "é",
    "e\u0301",
    "trailing.",
    "trailing ",
    "CON",
    "C:",
    "a~0123456789ab",
    "right\u202eleft",
    "=equals%percent",
    "n".repeat(255),
    "名".repeat(85),
    Buffer.alloc(255, 0xfc),
  ];
  for (const [index, name] of odd.entries()) {
    guest.file(names, name, `content ${index}`, { mtime: MOMENT + BigInt(index), uid: index, gid: index * 2 });
  }
  let deep = guest.directory(guest.root, "deep", { mtime: MOMENT });
  for (let level = 0; level < 12; level++) {
    deep = guest.directory(deep, `${"d".repeat(90)}${level}`, { mtime: MOMENT + BigInt(level) });
  }
  guest.file(deep, "bottom", "reached", { mtime: MOMENT });
  guest.symlink(deep, "long link", `${"../".repeat(50)}target`, { mtime: MOMENT });
  guest.symlink(deep, "raw link", Buffer.concat([Buffer.alloc(120, 0xfd)]), { mtime: MOMENT });
}

function addMetadata(guest: MemoryFileSystem): void {
  const meta = guest.directory(guest.root, "meta", { mode: 0o1777, mtime: MOMENT });
  guest.file(meta, "setuid", "x", { mode: 0o6755, mtime: MOMENT });
  guest.file(meta, "none", "x", { mode: 0, mtime: MOMENT });
  guest.file(meta, "big ids", "x", { uid: 2_097_152, gid: 4_000_000_000, mtime: MOMENT });
  guest.file(meta, "before 1970", "x", { mtime: -1_500_000_001n });
  guest.file(meta, "at the epoch", "x", { mtime: 0n });
  guest.file(meta, "after 2262", "x", { mtime: 10_000_000_000n * 1_000_000_000n + 7n });
  const binary = { name: nameFromText("user.binary"), value: Uint8Array.of(0, 10, 0xff, 61, 0) };
  const empty = { name: nameFromText("user.empty"), value: Uint8Array.of() };
  const odd = { name: nameFromText("user.a=b%c"), value: nameFromText("d") };
  const trusted = { name: nameFromText("trusted.overlay.opaque"), value: nameFromText("y") };
  const capability = {
    name: nameFromText("security.capability"),
    value: Buffer.from("0100000200040000000000000000000000000000", "hex"),
  };
  const acl = { name: nameFromText("system.posix_acl_access"), value: accessAcl() };
  guest.file(meta, "attributes", "x", { xattrs: [binary, empty, odd, trusted, capability], mtime: MOMENT });
  guest.file(meta, "acl", "x", { mode: 0o650, xattrs: [acl], mtime: MOMENT });
  const inherited = { name: nameFromText("system.posix_acl_default"), value: accessAcl() };
  guest.directory(meta, "default acl", { xattrs: [inherited], mtime: MOMENT });
}

function addSpecials(guest: MemoryFileSystem): void {
  const dev = guest.directory(guest.root, "dev", { mtime: MOMENT });
  guest.special(dev, "fifo", "fifo", { mode: 0o600, mtime: MOMENT });
  guest.special(dev, "null", "character-device", { mode: 0o666, device: { major: 1, minor: 3 }, mtime: MOMENT });
  guest.special(dev, "disk", "block-device", { device: { major: 259, minor: 1_048_575 }, mtime: MOMENT });
  guest.special(dev, "socket", "socket", { mtime: MOMENT });
}

function addContent(guest: MemoryFileSystem, withHuge: boolean): void {
  const data = guest.directory(guest.root, "data", { mtime: MOMENT });
  guest.file(data, "empty", "", { mtime: MOMENT });
  for (const size of [1, 511, 512, 513, 256 * 1024, 256 * 1024 + 1]) {
    guest.file(data, `size ${size}`, noise(size, size), { mtime: MOMENT });
  }
  guest.file(data, "big", noise(3 * 1024 * 1024 + 17, 7), { mtime: MOMENT });
  const sparse = (name: string, size: number, ...blocks: number[]): void => {
    const stretches = blocks.map((block) => ({ offset: block * BLOCK, bytes: noise(BLOCK, block) }));
    guest.file(data, name, "", { size, data: stretches, mtime: MOMENT + 5n });
  };
  sparse("only a hole", 1_000_000);
  sparse("hole first", 2 * BLOCK, 1);
  sparse("hole last", 100 * BLOCK, 0, 1, 50);
  sparse("odd end", 9 * BLOCK + 33, 3, 7);
  sparse("many holes", 4096 * BLOCK, ...Array.from({ length: 300 }, (_, index) => index * 13));
  if (withHuge) {
    sparse("five gibibytes", 5 * GIB, 5, 1_000_000);
    sparse("nine gibibytes", 9 * GIB + 1, 17);
  }
  sparse("ä".repeat(120), 64 * BLOCK, 9);
}

function addLinks(guest: MemoryFileSystem): void {
  const links = guest.directory(guest.root, "links", { mtime: MOMENT });
  const first = guest.file(links, "first", "shared", { links: 3, mtime: MOMENT + 9n });
  guest.link(links, "second", first);
  guest.link(guest.directory(links, "x".repeat(200), { mtime: MOMENT }), "third", first);
  guest.symlink(links, "absolute", "/etc/passwd", { mtime: MOMENT + 3n, uid: 5 });
  guest.symlink(links, "climbing", "../../../../etc/passwd", { mtime: MOMENT });
  guest.symlink(links, "raw", Buffer.from([0x2e, 0xff]), { mtime: MOMENT });
}

/** Everything a guest may hold that an archive could get wrong; `withHuge` adds sparse files of several gibibytes. */
export function sampleGuest(withHuge: boolean): MemoryFileSystem {
  const guest = new MemoryFileSystem();
  addNames(guest);
  addMetadata(guest);
  addSpecials(guest);
  addContent(guest, withHuge);
  addLinks(guest);
  return guest;
}
