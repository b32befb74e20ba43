import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import type { MemoryFileSystem } from "../../setup/memory-file-system.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { compareListings, requireEqual } from "../listing/compare-listings.ts";
import type { ListingEntry } from "../listing/listing-entry.ts";
import { archiveTo } from "./archive-file.ts";
import { hardLinkGroups, hexPath, listExtracted, listGuest, UNSETTABLE } from "./extracted-listing.ts";
import { sampleGuest } from "./sample-guest.ts";

beforeAll(() => requireDebianPackages("tar", "libarchive-tools", "attr", "acl", "python3"));

interface Extractor {
  readonly tool: string;
  readonly command: string;
  readonly options: readonly string[];
  /** Entries this tool is known to extract differently from what the archive says, and why. */
  readonly misread: readonly string[];
}

const EXTRACTORS: readonly Extractor[] = [
  {
    tool: "GNU tar",
    command: "tar",
    options: ["--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "--same-owner", "-p"],
    misread: [],
  },
  {
    tool: "bsdtar",
    command: "bsdtar",
    options: ["--numeric-owner", "--same-owner", "-p", "-S"],
    // libarchive does not undo the escape GNU tar uses for `=` in attribute names, and takes the fraction of a
    // negative time as positive.
    misread: ["meta/attributes", "meta/before 1970"],
  },
];

async function archived(guest: MemoryFileSystem): Promise<Map<string, ListingEntry>> {
  return listGuest(guest, ({ type }) => type !== "socket");
}

test.each(EXTRACTORS)("$tool extracts every entry as it was", async ({ tool, command, options, misread }) => {
  const directory = scratchDirectory();
  const archive = path.join(directory, "guest.tar");
  expect(await archiveTo(archive, "tar", sampleGuest(true))).toEqual(["dev/socket"]);
  const target = path.join(directory, "out");
  mkdirSync(target);
  execFileSync(command, [...options, "-x", "-f", archive, "-C", target], { stdio: "ignore" });

  const actual = await listExtracted(target);
  expect(actual.delete(hexPath("VMFR-ERRORS.txt"))).toBe(true);
  const expected = await archived(sampleGuest(true));
  expect(hardLinkGroups(actual)).toEqual(hardLinkGroups(expected));
  for (const name of misread) {
    expect(expected.delete(hexPath(name)) && actual.delete(hexPath(name))).toBe(true);
  }
  const comparison = compareListings(actual, expected, { ignore: () => UNSETTABLE });
  requireEqual(tool, comparison);
  tally(`archive entries equal after extraction by ${tool}`, comparison.equal);
});

const PYTHON = `
import hashlib, json, os, sys, tarfile
with tarfile.open(sys.argv[1], "r|*") as archive:
    for member in archive:
        content = archive.extractfile(member) if member.isreg() and member.size < 1 << 28 else None
        print(json.dumps({
            "path": os.fsencode(member.name).hex(), "mode": member.mode, "uid": member.uid, "gid": member.gid,
            "size": member.size, "target": os.fsencode(member.linkname).hex(),
            "sha256": hashlib.sha256(content.read()).hexdigest() if content else None,
        }))
`;

test("Python tarfile reads every entry as it was", async () => {
  const archive = path.join(scratchDirectory(), "guest.tar.gz");
  await archiveTo(archive, "tar.gz", sampleGuest(false));
  const output = execFileSync("/usr/bin/python3", ["-c", PYTHON, archive], {
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    env: { PYTHONUTF8: "1" },
  });
  const expected = await archived(sampleGuest(false));
  let equal = 0;
  for (const line of output.trim().split("\n")) {
    const member = JSON.parse(line);
    const entry = expected.get(member.path);
    if (entry === undefined) {
      expect(member.path).toBe(hexPath("VMFR-ERRORS.txt"));
      continue;
    }
    expect(member).toMatchObject({ mode: entry.mode, uid: entry.uid, gid: entry.gid });
    if (entry.target !== undefined) expect(member.target).toBe(entry.target);
    if (member.sha256 !== null) expect({ ...member }).toMatchObject({ size: entry.size, sha256: entry.sha256 });
    equal++;
  }
  expect(equal).toBe(expected.size);
  tally("archive entries equal when read by Python's tarfile", equal);
});
