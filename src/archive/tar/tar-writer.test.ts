import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { StretchesSource } from "../../../test/setup/memory-file-system.ts";
import { nameFromText } from "../../bytes/byte-name.ts";
import { SourceError } from "../../errors.ts";
import type { SparseSource } from "../../source/byte-source.ts";
import type { ArchiveEntry } from "../archive-entry.ts";
import { ArchiveReport } from "../archive-report.ts";
import { paxTime } from "./pax-records.ts";
import { writeTar } from "./tar-writer.ts";

const common = { mode: 0o644, uid: 0, gid: 0, mtime: 0n };

function file(path: string, size: number, source: () => Promise<SparseSource>): ArchiveEntry {
  return { ...common, path: nameFromText(path), type: "file", size, open: source };
}

function good(path: string, text: string): ArchiveEntry {
  const bytes = nameFromText(text);
  return file(path, bytes.length, async () => new StretchesSource(bytes.length, [{ offset: 0, bytes }]));
}

class FailingSource extends StretchesSource {
  override async read(): Promise<Uint8Array> {
    throw new SourceError("bucket: connection lost", { retryable: true });
  }
}

const failing = (path: string, size: number): ArchiveEntry =>
  file(path, size, async () => new FailingSource(size, [{ offset: 0, bytes: new Uint8Array(size) }]));

async function archive(entries: readonly ArchiveEntry[], report = new ArchiveReport()): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  const iterable = (async function* () {
    yield* entries;
  })();
  for await (const chunk of writeTar(iterable, report)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function listed(tar: Buffer): string[] {
  return execFileSync("tar", ["-t"], { input: tar, encoding: "utf8" }).trim().split("\n");
}

test("a file that cannot be read is left out and listed in the last member", async () => {
  const tar = await archive([good("a", "1"), failing("lost", 100), good("b", "2")]);
  expect(listed(tar)).toEqual(["a", "b", "VMFR-ERRORS.txt"]);
  expect(tar.includes("lost: bucket: connection lost")).toBe(true);
});

test("other names of a file left out are reported too", async () => {
  const link: ArchiveEntry = {
    ...common,
    path: nameFromText("link"),
    type: "file",
    size: 0,
    hardLinkTo: nameFromText("lost"),
  };
  const report = new ArchiveReport();
  expect(listed(await archive([{ ...failing("lost", 100), links: 2 }, link], report))).toEqual(["VMFR-ERRORS.txt"]);
  expect(report.count).toBe(2);
});

test("a read error behind the header ends the archive with the error, never with an end mark", async () => {
  await expect(archive([good("a", "1"), failing("big", 1024 * 1024)])).rejects.toThrow("connection lost");
});

test("content that is not as long as announced is left out", async () => {
  const short = file("short", 10, async () => new StretchesSource(9, []));
  const report = new ArchiveReport();
  await archive([short], report);
  expect(Buffer.from(report.text()).toString()).toContain("9 bytes where 10 were announced");
});

test("the report takes a name no entry has", async () => {
  expect(listed(await archive([good("VMFR-ERRORS.txt", "x"), failing("lost", 1)]))).toEqual([
    "VMFR-ERRORS.txt",
    "VMFR-ERRORS~2.txt",
  ]);
});

test("every source is closed, also when the archive is abandoned", async () => {
  let open = 0;
  const entries = Array.from({ length: 40 }, (_, index) =>
    file(`f${index}`, 1024 * 1024, async () => {
      open++;
      return new StretchesSource(1024 * 1024, [{ offset: 0, bytes: new Uint8Array(1024 * 1024) }], () => open--);
    }),
  );
  await archive(entries);
  expect(open).toBe(0);
  const iterable = (async function* () {
    yield* entries;
  })();
  for await (const _ of writeTar(iterable, new ArchiveReport())) break;
  expect(open).toBe(0);
});

test.each([
  [0n, "0"],
  [1n, "0.000000001"],
  [-1n, "-0.000000001"],
  [-1_500_000_000n, "-1.5"],
  [1_772_368_496_120_000_000n, "1772368496.12"],
])("%s ns is %s in a pax record", (time, expected) => expect(paxTime(time)).toBe(expected));
