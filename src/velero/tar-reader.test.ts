import fc from "fast-check";
import { expect, test } from "vitest";
import { tarArchive, tarHeader } from "../../test/setup/velero-objects/tar-archive.ts";
import { defaultLimits } from "../bytes/limits.ts";
import { CorruptDataError, LimitError, VmfrError } from "../errors.ts";
import { readTar, type TarMember } from "./tar-reader.ts";

async function* inChunksOf(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function read(archive: Uint8Array, chunk = 100, limits = defaultLimits): Promise<TarMember[]> {
  const members: TarMember[] = [];
  for await (const member of readTar(inChunksOf(archive, chunk), { wants: () => true, limits })) members.push(member);
  return members;
}

const contents = (members: readonly TarMember[]) =>
  members.map(({ path, content }) => [path, content && Buffer.from(content).toString()]);

const long = `resources/${"long-name-".repeat(30)}ü.json`;

test.each([1, 7, 511, 512, 513, 100_000])("members come whole from chunks of %i bytes", async (chunk) => {
  const archive = tarArchive([
    ["a.json", Buffer.from("first")],
    ["empty", Buffer.alloc(0)],
    [long, Buffer.from("behind a pax header")],
    ["z", Buffer.alloc(512, "x")],
  ]);
  expect(contents(await read(archive, chunk))).toEqual([
    ["a.json", "first"],
    ["empty", ""],
    [long, "behind a pax header"],
    ["z", "x".repeat(512)],
  ]);
});

test("what is not wanted is skipped, and only files are offered", async () => {
  const directory = tarHeader("5", "directory/", 0, 0);
  const archive = Buffer.concat([
    directory,
    tarArchive([
      ["a", Buffer.from("1")],
      ["b", Buffer.alloc(5000)],
      ["c", Buffer.from("3")],
    ]),
  ]);
  const asked: string[] = [];
  const wants = (path: string) => asked.push(path) > 0 && path !== "b";
  const members: TarMember[] = [];
  for await (const member of readTar(inChunksOf(archive, 600), { wants })) members.push(member);
  expect(contents(members)).toEqual([
    ["a", "1"],
    ["c", "3"],
  ]);
  expect(asked).toEqual(["a", "b", "c"]);
});

test("GNU long names and sizes in base 256", async () => {
  const name = Buffer.concat([Buffer.from(long), Buffer.alloc(1)]);
  const padded = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
  const header = tarHeader("0", "short", 4, 0);
  header.fill(0, 124, 136);
  header[124] = 0x80;
  header[135] = 4;
  rewriteChecksum(header);
  const longName = [tarHeader("L", "././@LongLink", name.length, 0), padded(name)];
  const archive = Buffer.concat([...longName, header, padded(Buffer.from("data")), Buffer.alloc(1024)]);
  expect(contents(await read(archive))).toEqual([[long, "data"]]);
});

function rewriteChecksum(header: Buffer): void {
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
}

function withoutSize(archive: Buffer): Buffer {
  archive.write("zzz", 124);
  rewriteChecksum(archive.subarray(0, 512));
  return archive;
}

test("a member above the limit is named without its content", async () => {
  const archive = tarArchive([
    ["big", Buffer.alloc(2000)],
    ["small", Buffer.from("ok")],
  ]);
  const members = await read(archive, 100, { ...defaultLimits, tarballMember: 1000 });
  expect(contents(members)).toEqual([
    ["big", undefined],
    ["small", "ok"],
  ]);
  expect(members[0]?.size).toBe(2000);
});

test("an archive longer than the limit ends with a LimitError", async () => {
  await expect(read(Buffer.alloc(512, "x"), 100, { ...defaultLimits, tarball: 300 })).rejects.toThrow(LimitError);
});

test.each<[string, (archive: Buffer) => Uint8Array]>([
  ["cut inside a header", (archive) => archive.subarray(0, 300)],
  ["cut inside a member", (archive) => archive.subarray(0, 514)],
  ["without its end marker", (archive) => archive.subarray(0, 1024)],
  ["with a wrong checksum", (archive) => archive.fill("y", 0, 1)],
  ["with a size that is no number", withoutSize],
])("an archive %s is damaged", async (_name, damage) => {
  const archive = damage(tarArchive([["member", Buffer.from("content")]]));
  await expect(read(archive)).rejects.toThrow(CorruptDataError);
});

test.each(["99999 path=x\n", "x path=y\n", "8 path=x\n", "-1 path=x\n", "0 path=x\n", "15 size=-000001\n", "path"])(
  "the pax record %j is damaged",
  async (record) => {
    const body = Buffer.concat([Buffer.from(record), Buffer.alloc(512 - record.length)]);
    const archive = Buffer.concat([
      tarHeader("x", "pax", record.length, 0),
      body,
      tarArchive([["a", Buffer.from("1")]]),
    ]);
    await expect(read(archive)).rejects.toThrow(CorruptDataError);
  },
);

test("flipped bytes give members or a named error, nothing else", async () => {
  const archive = tarArchive([
    ["a", Buffer.from("first")],
    [long, Buffer.from("second")],
  ]);
  await fc.assert(
    fc.asyncProperty(fc.nat(archive.length - 1), fc.nat(255), async (index, value) => {
      const damaged = Buffer.from(archive);
      damaged[index] = value;
      await read(damaged).catch((error: unknown) => expect(error).toBeInstanceOf(VmfrError));
    }),
    { numRuns: 300 },
  );
});
