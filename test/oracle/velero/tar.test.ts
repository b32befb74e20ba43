import { execFileSync } from "node:child_process";
import { createReadStream, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { readTar } from "../../../src/velero/tar-reader.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { tarArchive } from "../../setup/velero-objects/tar-archive.ts";

beforeAll(() => requireDebianPackages("tar"));

/** Names at and around every place where a format has to change how it stores them. */
const NAMES = [
  "a",
  "empty",
  "n".repeat(99),
  "n".repeat(100),
  "n".repeat(101),
  "n".repeat(250),
  `${"d".repeat(100)}/${"f".repeat(90)}`,
  `${"d".repeat(155)}/${"f".repeat(100)}`,
  `${"deep/".repeat(60)}file`,
  "größe/maß.json",
  "with space",
];

function contentOf(name: string): Buffer {
  return name === "empty" ? Buffer.alloc(0) : Buffer.from(`${name}\n`.repeat(name.length));
}

/** V7 has 100 bytes for a name, USTAR a prefix of 155 beside them; the others have room for all. */
function fits(name: string, format: string): boolean {
  if (format === "v7") return name.length < 98;
  return format !== "ustar" || (name.length < 250 && name.split("/").every((part) => part.length <= 98));
}

async function membersOf(archive: string): Promise<Map<string, Buffer>> {
  const members = new Map<string, Buffer>();
  for await (const { path: name, content } of readTar(createReadStream(archive), { wants: () => true })) {
    members.set(name.replace(/^\.\//, ""), Buffer.from(content ?? "too large"));
  }
  return members;
}

test.each(["gnu", "pax", "ustar", "oldgnu", "v7"])("what GNU tar writes as %s", async (format) => {
  const scratch = scratchDirectory();
  const folder = path.join(scratch, "files");
  const names = NAMES.filter((name) => fits(name, format));
  for (const name of names) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), contentOf(name));
  }
  const archive = path.join(scratch, "archive.tar");
  execFileSync("tar", ["--format", format, "-cf", archive, "-C", folder, "."]);
  const members = await membersOf(archive);
  expect([...members.keys()].sort()).toEqual([...names].sort());
  for (const name of names) expect(members.get(name)?.equals(contentOf(name)), name).toBe(true);
  tally("tar members equal to what GNU tar packed", names.length);
});

test("the archives that tests and examples use are what GNU tar and the reader agree on", async () => {
  const scratch = scratchDirectory();
  const archive = path.join(scratch, "archive.tar");
  writeFileSync(archive, tarArchive(NAMES.map((name) => [name, contentOf(name)])));
  execFileSync("tar", ["-xf", archive, "-C", scratch]);
  const members = await membersOf(archive);
  for (const name of NAMES) {
    expect(readFileSync(path.join(scratch, name)).equals(contentOf(name)), name).toBe(true);
    expect(members.get(name)?.equals(contentOf(name)), name).toBe(true);
  }
});
