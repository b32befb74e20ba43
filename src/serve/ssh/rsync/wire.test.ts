import { expect, test } from "vitest";
import { CorruptDataError } from "../../../errors.ts";
import { InputReader } from "../input-reader.ts";
import type { SessionStream } from "../session-stream.ts";
import { FileIndex, Message } from "./protocol.ts";
import { WireReader } from "./wire-reader.ts";
import { WireWriter } from "./wire-writer.ts";

function written(version: number, write: (writer: WireWriter) => void): Buffer {
  const chunks: Uint8Array[] = [];
  const stream: SessionStream = {
    input: (async function* () {})(),
    write: (bytes) => void chunks.push(bytes.slice()),
    drain: async () => undefined,
    explain: () => undefined,
    signal: new AbortController().signal,
  };
  const writer = new WireWriter(stream, version);
  write(writer);
  writer.flush();
  return Buffer.concat(chunks);
}

function readerOf(bytes: Uint8Array, version: number, piece = bytes.length): WireReader {
  const input = (async function* () {
    for (let offset = 0; offset < bytes.length; offset += piece) yield bytes.subarray(offset, offset + piece);
  })();
  return new WireReader(new InputReader(input, "rsync"), version, () => undefined);
}

test.each([
  [0, "00"],
  [127, "7f"],
  [128, "8080"],
  [16_383, "bfff"],
  [16_384, "c00040"],
  [-1, "f0ffffffff"],
])("varint %i is %s and comes back", async (value, hex) => {
  const bytes = written(31, (writer) => writer.varint(value));
  expect(bytes.toString("hex")).toBe(hex);
  expect(await readerOf(bytes, 31).varint()).toBe(value);
});

test.each([
  [0n, 3, "000000"],
  [1_700_000_000n, 4, "6500f153"],
  [5n * 2n ** 30n, 3, "c100000040"],
  [-1n, 4, "f8ffffffffffffffff"],
])("varlong %s of at least %i bytes is %s", (value, minimum, hex) => {
  expect(written(31, (writer) => writer.varlong(value, minimum)).toString("hex")).toBe(hex);
});

test.each([29, 30, 31])("file indices come back in version %i, in whatever pieces", async (version) => {
  const indices = [
    0,
    1,
    3,
    300,
    299,
    40_000,
    5_000_000,
    FileIndex.DONE,
    2,
    FileIndex.LIST_OFFSET,
    FileIndex.LIST_OFFSET - 7,
  ];
  const bytes = written(version, (writer) => {
    for (const index of indices) writer.fileIndex(index);
  });
  const reader = readerOf(bytes, version, 1);
  for (const index of indices) expect(await reader.fileIndex()).toBe(index);
});

test("numbers cross the borders of frames; messages in between are passed over", async () => {
  const bytes = written(31, (writer) => {
    writer.startMultiplexing();
    writer.bytes(Buffer.of(1, 2));
    writer.message(Message.INFO, Buffer.from("not data"));
    writer.keepAlive();
    writer.bytes(Buffer.of(3, 4, 5));
  });
  const reader = readerOf(bytes, 31);
  reader.isMultiplexed = true;
  expect(await reader.int32()).toBe(0x04030201);
  expect(reader.hasData).toBe(true);
  expect(await reader.byte()).toBe(5);
  expect(reader.hasData).toBe(false);
  await expect(reader.byte()).rejects.toThrow(CorruptDataError);
});
