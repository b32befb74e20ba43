import { expect, test } from "vitest";
import {
  LOG_SIZE,
  LOG_START,
  LogImage,
  type Operation,
  SUPERBLOCK,
  transaction,
  UNMOUNT,
  words,
} from "../../../../../test/fixtures/xfs/log-image.ts";
import { LogDamage } from "./log-damage.ts";
import { type LogReplay, replayLog } from "./replay-log.ts";

const BUFFER = 0x123c;
/** A buffer of one kilobyte that nothing else uses, in basic blocks. */
const PLACE = 20;

/** Says that the first 128 bytes of a buffer hold `value` now. */
const bufferItem = (value: number, flags = 0): Uint8Array[] =>
  (flags & 2) === 0
    ? [words([2, BUFFER], [2, 2], [2, flags], [2, 2], [8, PLACE], [4, 1], [4, 1]), new Uint8Array(128).fill(value)]
    : [words([2, BUFFER], [2, 1], [2, flags], [2, 2], [8, PLACE], [4, 0])];

const CANCEL = 2;
const logOf = (...operations: readonly Operation[][]): LogImage => {
  const image = new LogImage();
  let block = 0;
  for (const each of operations) block = image.put(block, { cycle: 1, tail: 0, operations: each });
  return image;
};

const byteAt = async (replay: LogReplay | undefined): Promise<number | undefined> =>
  (await replay?.data.read(PLACE * 512, 1))?.[0];

test("a log that was never written to has nothing to replay", async () => {
  expect(await replayLog(new LogImage().volume())).toBeUndefined();
});

test("a log that ends with an unmount has nothing to replay", async () => {
  expect(await replayLog(logOf(transaction(1, [bufferItem(7)]), [UNMOUNT]).volume())).toBeUndefined();
});

test("an unmount record in the middle of the log's second round is found", async () => {
  const image = new LogImage();
  image.fillCycle(0, LOG_SIZE, 1);
  const next = image.put(0, { cycle: 2, tail: 0, operations: transaction(1, [bufferItem(7)]) });
  image.put(next, { cycle: 2, tail: next, operations: [UNMOUNT] });
  expect(await replayLog(image.volume())).toBeUndefined();
});

test("committed transactions are laid over the volume; nothing is written to it", async () => {
  const image = logOf(transaction(1, [bufferItem(7)]), transaction(2, [bufferItem(8)]));
  const replay = await replayLog(image.volume());
  expect(replay?.transactions).toBe(2);
  expect(await byteAt(replay)).toBe(8);
  expect(image.bytes[PLACE * 512]).toBe(0);
});

test("a transaction without its commit does not count", async () => {
  const replay = await replayLog(
    logOf(transaction(1, [bufferItem(7)]), transaction(2, [bufferItem(8)]).slice(0, -1)).volume(),
  );
  expect(replay?.transactions).toBe(1);
  expect(await byteAt(replay)).toBe(7);
});

test("a region split over two records is put together", async () => {
  const [start, header, format, content, commit] = transaction(1, [bufferItem(7)]) as [
    Operation,
    Operation,
    Operation,
    Operation,
    Operation,
  ];
  const whole = content.content as Uint8Array;
  const first = { ...content, flags: 4, content: whole.subarray(0, 50) };
  const rest = { ...content, flags: 8 | 0x10, content: whole.subarray(50) };
  const replay = await replayLog(logOf([start, header, format, first], [rest, commit]).volume());
  expect(await replay?.data.read(PLACE * 512, 128)).toEqual(new Uint8Array(128).fill(7));
});

test("a record longer than 32 KiB keeps its cycle words in further header blocks", async () => {
  const image = new LogImage();
  image.put(0, { cycle: 1, tail: 0, operations: transaction(1, [bufferItem(7)]), fill: 100_000 });
  expect(await byteAt(await replayLog(image.volume()))).toBe(7);
});

test("records around the end of the log are followed", async () => {
  const image = new LogImage();
  image.fillCycle(0, LOG_SIZE, 1);
  const tail = LOG_SIZE - 4;
  const around = image.put(tail, { cycle: 1, tail, operations: transaction(1, [bufferItem(7)]), fill: 4096 });
  expect(around).toBe(5);
  image.put(around, { cycle: 2, tail, operations: transaction(2, [bufferItem(8)]) });
  const replay = await replayLog(image.volume());
  expect(replay?.transactions).toBe(2);
  expect(await byteAt(replay)).toBe(8);
});

test("a last record around the end of the log is followed", async () => {
  const image = new LogImage();
  image.fillCycle(0, LOG_SIZE, 1);
  const tail = LOG_SIZE - 4;
  image.put(tail, { cycle: 1, tail, operations: transaction(1, [bufferItem(7)]), fill: 4096 });
  expect(await byteAt(await replayLog(image.volume()))).toBe(7);
});

test("a record torn at the end is left out, as after a power cut", async () => {
  const image = new LogImage();
  const next = image.put(0, { cycle: 1, tail: 0, operations: transaction(1, [bufferItem(7)]) });
  image.put(next, { cycle: 1, tail: 0, operations: transaction(2, [bufferItem(8)]) });
  const inLast = LOG_START + (next + 1) * 512 + 100;
  image.bytes[inLast] = (image.bytes[inLast] as number) ^ 1;
  const replay = await replayLog(image.volume());
  expect(replay?.transactions).toBe(1);
  expect(await byteAt(replay)).toBe(7);
});

test("a record of which only the beginning was written is left out", async () => {
  const image = new LogImage();
  const next = image.put(0, { cycle: 1, tail: 0, operations: transaction(1, [bufferItem(7)]) });
  const end = image.put(next, { cycle: 1, tail: 0, operations: transaction(2, [bufferItem(8)]), fill: 4096 });
  image.fillCycle(end - 3, end, 0);
  expect(await byteAt(await replayLog(image.volume()))).toBe(7);
});

test("damage further back than writes can be torn is refused", async () => {
  const image = new LogImage();
  let block = 0;
  for (let index = 0; index < 16; index++) {
    const fill = index < 6 ? 30_000 : 0;
    block = image.put(block, { cycle: 1, tail: 0, operations: transaction(index + 1, [bufferItem(index)]), fill });
  }
  image.bytes[LOG_START + 130 * 512 + 8] = 0xff;
  await expect(replayLog(image.volume())).rejects.toThrow(LogDamage);
});

test.each([
  ["of another file system", { uuid: new Uint8Array(16).fill(9) }, /belongs to another file system/],
  ["of a big-endian machine", { format: 2 }, /big-endian/],
])("a record %s is refused", async (_name, options, message) => {
  const image = new LogImage();
  image.put(0, { cycle: 1, tail: 0, operations: transaction(1, [bufferItem(7)]), ...options });
  await expect(replayLog(image.volume())).rejects.toThrow(message);
});

test("changes to a buffer count for nothing once it is given back, and count again afterwards", async () => {
  const given = await replayLog(
    logOf(transaction(1, [bufferItem(7)]), transaction(2, [bufferItem(0, CANCEL)])).volume(),
  );
  expect(await byteAt(given)).toBe(0);
  const again = logOf(
    transaction(1, [bufferItem(7)]),
    transaction(2, [bufferItem(0, CANCEL)]),
    transaction(3, [bufferItem(8)]),
  );
  expect(await byteAt(await replayLog(again.volume()))).toBe(8);
});

test("a structure that is newer than the log is left as it is", async () => {
  const image = logOf(transaction(1, [bufferItem(7)]));
  const block = image.bytes.subarray(PLACE * 512, PLACE * 512 + 1024);
  block.set(Buffer.from("XDD3"));
  block.set(SUPERBLOCK.metadataUuid, 24);
  new DataView(block.buffer, block.byteOffset).setBigUint64(16, (1n << 32n) | 5n, false);
  expect(await byteAt(await replayLog(image.volume()))).toBe(0x58);
  new DataView(block.buffer, block.byteOffset).setBigUint64(16, 0n, false);
  expect(await byteAt(await replayLog(image.volume()))).toBe(7);
});

test.each([
  ["an item of no regions", [words([2, BUFFER], [2, 0])], /0 regions/],
  [
    "a buffer outside the volume",
    [words([2, BUFFER], [2, 2], [2, 0], [2, 2], [8, 1e9], [4, 1], [4, 1]), new Uint8Array(128)],
    /outside the volume/,
  ],
  [
    "a buffer of no length",
    [words([2, BUFFER], [2, 2], [2, 0], [2, 0], [8, 2], [4, 1], [4, 1]), new Uint8Array(128)],
    /0 blocks/,
  ],
  [
    "pieces without a place",
    [words([2, BUFFER], [2, 2], [2, 0], [2, 2], [8, 2], [4, 1], [4, 0]), new Uint8Array(128)],
    /do not fit its map/,
  ],
])("%s is refused", async (_name, item, message) => {
  await expect(replayLog(logOf(transaction(1, [item])).volume())).rejects.toThrow(message);
});

test("intents that were ticked off are finished; of the others those are reported that change what is read", async () => {
  const map = (id: number, inode: number) => [
    words([2, 0x1244], [2, 1], [4, 1], [8, id], [8, inode], [8, 500], [8, 3], [4, 2], [4, 1]),
  ];
  const attribute = [
    words([2, 0x1246], [2, 3], [4, 0], [8, 77], [8, 65], [4, 1], [4, 4], [4, 5], [4, 2]),
    Buffer.from("name"),
    Buffer.from("value"),
  ];
  const replay = await replayLog(
    logOf(
      transaction(1, [map(1, 64), map(2, 65), attribute]),
      transaction(2, [[words([2, 0x1245], [2, 1], [4, 0], [8, 1])]]),
    ).volume(),
  );
  expect(replay?.unfinished.maps).toEqual([
    { inode: 65, inAttributes: false, logical: 3, length: 2, block: 500, isUnwritten: false, isRealtime: false },
  ]);
  expect(replay?.unfinished.attributes).toMatchObject([{ inode: 65, namespace: 2 }]);
  expect(Buffer.from(replay?.unfinished.attributes[0]?.value ?? []).toString()).toBe("value");
});

/** The core of an inode as the log has it, with the fields that matter here. */
function loggedCore(flags2 = 0): Uint8Array {
  const core = new Uint8Array(176);
  const view = new DataView(core.buffer);
  view.setUint16(0, 0x494e, true);
  view.setUint16(2, 0o100644, true);
  view.setUint8(4, 3);
  view.setUint8(5, 2);
  view.setUint32(8, 1000, true);
  view.setUint32(16, 3, true);
  view.setInt32(40, -5, true);
  view.setInt32(44, 6, true);
  view.setBigUint64(56, 12345n, true);
  view.setUint32(76, 2, true);
  view.setUint16(80, 1, true);
  view.setBigUint64(120, BigInt(flags2), true);
  view.setBigUint64(152, 40n, true);
  core.set(SUPERBLOCK.uuid, 160);
  return core;
}

const inodeItem = (core: Uint8Array): Uint8Array[] => [
  words([2, 0x123b], [2, 2], [4, 1], [2, 0], [2, 0], [4, 0], [8, 40], [8, 0], [8, 0], [8, 40], [4, 32], [4, 0]),
  core,
];

test("an inode's core is turned to the disk's byte order, field by field", async () => {
  const image = logOf(transaction(1, [inodeItem(loggedCore())]));
  const offset = image.putInode(40);
  const replay = await replayLog(image.volume());
  const record = (await replay?.data.read(offset, 512)) as Uint8Array;
  const view = new DataView(record.buffer, record.byteOffset);
  expect([view.getUint16(2), view.getUint32(8), view.getUint32(16), view.getInt32(40), view.getInt32(44)]).toEqual([
    0o100644, 1000, 3, -5, 6,
  ]);
  expect([view.getBigUint64(56), view.getUint32(76), view.getUint16(80)]).toEqual([12345n, 2, 1]);
  // Stamped with the record's place in the log: cycle 1, block 0.
  expect(view.getBigUint64(112)).toBe(1n << 32n);
});

test("64-bit times and counts of extents are turned whole", async () => {
  const core = loggedCore(0x18);
  new DataView(core.buffer).setBigUint64(24, 7n, true);
  const image = logOf(transaction(1, [inodeItem(core)]));
  const offset = image.putInode(40);
  const record = (await (await replayLog(image.volume()))?.data.read(offset, 512)) as Uint8Array;
  const view = new DataView(record.buffer, record.byteOffset);
  expect(view.getBigUint64(24)).toBe(7n);
  expect(view.getBigUint64(40)).toBe((6n << 32n) | 0xfffffffbn);
  expect([view.getUint32(76), view.getUint16(80)]).toEqual([2, 1]);
});

test("an inode whose place holds something else is refused", async () => {
  await expect(replayLog(logOf(transaction(1, [inodeItem(loggedCore())])).volume())).rejects.toThrow(
    /is no inode on the disk/,
  );
});

test("an inode that was damaged before the change stays damaged", async () => {
  const image = logOf(transaction(1, [inodeItem(loggedCore())]));
  const offset = image.putInode(40);
  image.bytes[offset + 300] = 1;
  const { checksumMatches } = await import("../checksum.ts");
  const record = (await (await replayLog(image.volume()))?.data.read(offset, 512)) as Uint8Array;
  expect(checksumMatches(record, 100)).toBe(false);
});
