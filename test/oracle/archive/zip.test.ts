import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { nameFromKey, nameKey } from "../../../src/bytes/byte-name.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { MemoryFileSystem } from "../../setup/memory-file-system.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { compareListings, requireEqual } from "../listing/compare-listings.ts";
import type { ListingEntry, ListingField } from "../listing/listing-entry.ts";
import { archiveTo } from "./archive-file.ts";
import { hexPath, listExtracted, listGuest, UNSETTABLE } from "./extracted-listing.ts";
import { sampleGuest } from "./sample-guest.ts";

beforeAll(() => requireDebianPackages("unzip", "libarchive-tools", "python3"));

/** A zip knows no attributes, holes, hard links or fractions of a second; a symlink's owner is not restored. */
const UNKNOWN_TO_ZIP: readonly ListingField[] = [...UNSETTABLE, "xattrs", "data", "links", "mtime", "uid", "gid"];

async function archived(reported: readonly string[]): Promise<Map<string, ListingEntry>> {
  const renamed = new Set(reported.map((key) => Buffer.from(nameFromKey(key)).toString("hex")));
  return listGuest(sampleGuest(false), ({ path: hex, type }) => {
    return ["file", "directory", "symlink"].includes(type) && !renamed.has(hex);
  });
}

test.each([
  // unzip drops the byte 0xff from names that are no UTF-8.
  {
    tool: "unzip",
    command: "unzip",
    options: ["-q", "-o", "-K"],
    into: "-d",
    misread: [Buffer.from("names/f\xff\xfe\x80", "latin1")],
  },
  // libarchive composes accents in UTF-8 names, so of two names that differ in nothing else one overwrites the other.
  {
    tool: "bsdtar",
    command: "bsdtar",
    options: ["-p", "-x", "-f"],
    into: "-C",
    misread: [Buffer.from("names/é"), Buffer.from("names/e\u0301")],
  },
])("$tool extracts every entry as it was", async ({ tool, command, options, into, misread }) => {
  const directory = scratchDirectory();
  const archive = path.join(directory, "guest.zip");
  const reported = await archiveTo(archive, "zip", sampleGuest(false));
  expect(reported).toContain(nameKey(Buffer.from("names/back\\slash")));
  const target = path.join(directory, "out");
  mkdirSync(target);
  const { status, stderr } = spawnSync(command, [...options, archive, into, target], { encoding: "utf8" });
  expect(`${status} ${stderr}`).toBe("0 ");
  const actual = await listExtracted(target);
  const expected = await archived(reported);
  for (const name of misread) expect(expected.delete(name.toString("hex"))).toBe(true);
  for (const hex of actual.keys()) if (!expected.has(hex)) actual.delete(hex);
  const comparison = compareListings(actual, expected, { ignore: () => UNKNOWN_TO_ZIP });
  requireEqual(tool, comparison);
  for (const [hex, { mtime, type }] of expected) {
    const seconds = BigInt(mtime) / 1_000_000_000n;
    if (type === "file" && seconds > 0n && seconds < 1n << 31n) {
      expect(BigInt(actual.get(hex)?.mtime ?? 0) / 1_000_000_000n).toBe(seconds);
    }
  }
  tally(`archive entries equal after extraction by ${tool} (zip)`, comparison.equal);
});

const PYTHON = `
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    bad = [info.filename for info in archive.infolist() if info.file_size < 1 << 28 and archive.open(info).read() is None]
    names = [info.filename for info in archive.infolist()]
    print(json.dumps({"bad": bad, "count": len(names), "distinct": len(set(names)), "tested": archive.testzip() if len(sys.argv) > 2 else None}))
`;

function readWithPython(
  archive: string,
  ...more: string[]
): { bad: string[]; count: number; distinct: number; tested: null } {
  const options = { encoding: "utf8", env: { PYTHONUTF8: "1" } } as const;
  return JSON.parse(execFileSync("/usr/bin/python3", ["-c", PYTHON, archive, ...more], options));
}

test("names that could leave the folder of extraction are changed, said, and stay distinct", async () => {
  const guest = new MemoryFileSystem();
  const names = [
    "a\\b",
    "a_b",
    "..\\..\\x",
    "C:",
    "c\r\nd",
    "end.",
    "end ",
    "end",
    "nul.txt",
    "NUL",
    "a_b~93f14fc5cd0a",
  ];
  for (const name of names) guest.file(guest.root, name, name);
  const archive = path.join(scratchDirectory(), "names.zip");
  const reported = await archiveTo(archive, "zip", guest);
  expect(reported).toEqual(names.filter((name) => name !== "a_b" && name !== "end"));
  const { count, distinct } = readWithPython(archive, "test");
  expect([count, distinct]).toEqual([names.length + 1, names.length + 1]);
  const listed = execFileSync("bsdtar", ["-t", "-f", archive], { encoding: "utf8" }).trim().split("\n");
  for (const name of listed) expect(name).toMatch(/^[^\\:\r]+[^. ]$/);
});

test("more than 65,535 entries need zip64, and are all there", async () => {
  const guest = new MemoryFileSystem("memory", 1000);
  for (let index = 0; index < 66_000; index++) guest.file(guest.root, `file ${index}`, index % 100 === 0 ? "x" : "");
  const archive = path.join(scratchDirectory(), "many.zip");
  expect(await archiveTo(archive, "zip", guest)).toEqual([]);
  expect(readWithPython(archive)).toMatchObject({ count: 66_000, distinct: 66_000 });
  const listed = execFileSync("unzip", ["-Z1", archive], { encoding: "utf8", maxBuffer: 1 << 26 });
  expect(listed.trim().split("\n").length).toBe(66_000);
  tally("zip entries counted alike by unzip and Python", 66_000);
});

test("the checksum of a file with a hole of more than 4 GiB is what unzip computes", async () => {
  const guest = new MemoryFileSystem();
  const size = 4 * 1024 ** 3 + 12_345;
  guest.file(guest.root, "sparse", "", { size, data: [{ offset: 3 * 1024 ** 3, bytes: Buffer.alloc(8192, 7) }] });
  guest.file(guest.root, "after", "behind four gibibytes");
  const archive = path.join(scratchDirectory(), "large.zip");
  await archiveTo(archive, "zip", guest);
  const { status, stdout } = spawnSync("unzip", ["-t", archive], { encoding: "utf8" });
  expect(status, stdout).toBe(0);
  expect(hexPath(stdout)).toContain(hexPath("No errors detected"));
});
