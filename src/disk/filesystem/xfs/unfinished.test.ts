/** What recovery would finish is shown finished. */
import { expect, test } from "vitest";
import { LogImage, SUPERBLOCK } from "../../../../test/fixtures/xfs/log-image.ts";
import { readAttributes } from "./attribute/attributes.ts";
import { FinishedMap } from "./finished-map.ts";
import { forkMap } from "./fork-map.ts";
import type { Inode } from "./inode.ts";
import type { MapChange, Unfinished } from "./log/intents.ts";
import type { Volume } from "./volume.ts";

const NOTHING: Unfinished = { maps: [], attributes: [], exchanged: new Set() };

/** Short-form attributes: flags, name and value of each. */
function shortAttributes(
  ...attributes: readonly (readonly [flags: number, name: string, value: Uint8Array | string])[]
): Uint8Array {
  const entries = attributes.flatMap(([flags, name, value]) => [
    Buffer.from([name.length, value.length, flags]),
    Buffer.from(name),
    Buffer.from(value),
  ]);
  const bytes = Buffer.concat([Buffer.alloc(4), ...entries]);
  bytes.writeUInt16BE(bytes.length, 0);
  bytes[2] = attributes.length;
  return bytes;
}

function inodeWith(attributes: Uint8Array): Inode {
  const times = { atime: 0n, mtime: 0n, ctime: 0n, birthtime: undefined };
  return {
    ...{
      number: 70,
      type: "file",
      mode: 0o644,
      uid: 0,
      gid: 0,
      size: 5000,
      links: 1,
      allocated: 0,
      flags: 0,
      ...times,
    },
    data: { format: "extents", bytes: new Uint8Array(200), extents: 0 },
    attributes: { format: "local", bytes: attributes, extents: 0 },
  };
}

const volumeWith = (unfinished: Unfinished): Volume => ({ ...new LogImage().volume(), unfinished });

const shown = async (volume: Volume, inode: Inode) =>
  (await readAttributes(volume, inode))
    .map(({ name, value }) => `${Buffer.from(name)}=${Buffer.from(value)}`)
    .toSorted();

test("parent pointers and attributes whose writing was cut short are not shown", async () => {
  const inode = inodeWith(
    shortAttributes([0, "plain", "1"], [8, "parent", "2"], [0x80, "partial", "3"], [2, "t", "4"], [4, "s", "5"]),
  );
  expect(await shown(volumeWith(NOTHING), inode)).toEqual(["security.s=5", "trusted.t=4", "user.plain=1"]);
});

test("an access control list shows under its own name and under Linux's", async () => {
  const stored = Buffer.from("00000001" + "00000002" + "000003e8" + "0007" + "0000", "hex");
  const attributes = await readAttributes(volumeWith(NOTHING), inodeWith(shortAttributes([2, "SGI_ACL_FILE", stored])));
  expect(attributes.map(({ name }) => Buffer.from(name).toString())).toEqual([
    "trusted.SGI_ACL_FILE",
    "system.posix_acl_access",
  ]);
  expect(Buffer.from(attributes[1]?.value ?? []).toString("hex")).toBe("02000000" + "0200" + "0700" + "e8030000");
});

test("attributes that were to be set or removed are", async () => {
  const change = (name: string, value?: string) => ({
    ...{ inode: 70, namespace: 0, name: Buffer.from(name) },
    value: value === undefined ? undefined : Buffer.from(value),
  });
  const attributes = [
    change("gone"),
    change("new", "n"),
    change("old", "first"),
    change("old", "second"),
    { ...change("kept"), inode: 71 },
  ];
  const inode = inodeWith(shortAttributes([0, "gone", "1"], [0, "old", "2"], [0, "kept", "3"]));
  expect(await shown(volumeWith({ ...NOTHING, attributes }), inode)).toEqual([
    "user.kept=3",
    "user.new=n",
    "user.old=second",
  ]);
});

const mapped = (logical: number, length: number, block: number | undefined): MapChange => ({
  ...{ inode: 70, inAttributes: false, logical, length, block },
  isUnwritten: false,
  isRealtime: false,
});

test("blocks that were to be mapped elsewhere are", async () => {
  const stored = { window: async () => ({ start: 0, end: 100, runs: [{ logical: 0, length: 10, physical: 500 }] }) };
  const changes = [mapped(2, 3, undefined), mapped(2, 3, 900), mapped(7, 1, undefined)];
  const { runs } = await new FinishedMap(stored, changes, SUPERBLOCK).window(0);
  expect(runs).toEqual([
    { logical: 0, length: 2, physical: 500 },
    { logical: 2, length: 3, physical: 900 },
    { logical: 5, length: 2, physical: 505 },
    { logical: 8, length: 2, physical: 508 },
  ]);
  expect(() => new FinishedMap(stored, [mapped(0, 1, 1e7)], SUPERBLOCK)).toThrow(/outside the file system/);
});

test("files that were exchanging their contents are refused by name", () => {
  const inode = inodeWith(shortAttributes());
  expect(() => forkMap(volumeWith({ ...NOTHING, exchanged: new Set([70]) }), inode, inode.data)).toThrow(
    /exchange of file contents/,
  );
});
