import { expect, test } from "vitest";
import {
  arrayMember,
  CHUNK,
  MEMBER_SIZE,
  type MemberOptions,
  sealMember,
  USED,
} from "../../../../test/fixtures/md/small-member.ts";
import { defaultLimits } from "../../../bytes/limits.ts";
import { CorruptDataError, SourceError, UnsupportedFeatureError } from "../../../errors.ts";
import { MemorySource } from "../../../source/memory-source.ts";
import { findArrays } from "./find-arrays.ts";

/** Members whose data is filled with their position + 1. */
const members = (count: number, options: Omit<MemberOptions, "position">): Buffer[] =>
  Array.from({ length: count }, (_, position) =>
    arrayMember({ devices: count, ...options, position }, new Uint8Array(USED).fill(position + 1)),
  );

const find = (images: readonly Uint8Array[]) =>
  findArrays(
    images.map((image) => new MemorySource(image)),
    { limits: defaultLimits },
  );

async function onlyArray(images: readonly Uint8Array[]) {
  const { sets } = await find(images);
  expect(sets).toHaveLength(1);
  const volume = sets[0]?.volumes[0] ?? expect.fail();
  return { ...volume, warnings: sets[0]?.warnings ?? [] };
}

test("a mirror, by the name its creator gave without the host", async () => {
  const array = await onlyArray(members(2, { level: 1 }));
  expect(array).toMatchObject({ name: "md-data", warnings: [] });
  expect(array.devices).toEqual(["/dev/md/data", "/dev/disk/by-id/md-uuid-41414141:41414141:41414141:41414141"]);
  const source = await array.open();
  expect(source.size).toBe(USED);
  expect((await source.read(USED - 1, 1))[0]).toBe(1);
});

test("stripes, and one device behind the other", async () => {
  const stripes = await (await onlyArray(members(3, { level: 0 }))).open();
  expect(stripes.size).toBe(3 * USED);
  expect([...(await stripes.read(CHUNK - 1, 2))]).toEqual([1, 2]);
  const linear = await (await onlyArray(members(3, { level: -1 }))).open();
  expect([...(await linear.read(USED - 1, 2))]).toEqual([1, 2]);
});

test("members in another order are put in theirs", async () => {
  const stripes = await (await onlyArray(members(3, { level: 0 }).reverse())).open();
  expect([...(await stripes.read(CHUNK - 1, 2))]).toEqual([1, 2]);
});

test("a member that missed changes is not read", async () => {
  const [first, second] = members(2, { level: 1 });
  const stale = arrayMember({ level: 1, devices: 2, position: 0, events: 5 }, new Uint8Array(USED).fill(0xff));
  const array = await onlyArray([stale, second ?? expect.fail()]);
  expect(array.warnings).toEqual(["array data: not all of its 2 devices are there and up to date"]);
  expect((await (await array.open()).read(0, 1))[0]).toBe(2);
  // One change behind is the one that was being written.
  const justBehind = arrayMember({ level: 1, devices: 2, position: 1, events: 8 });
  expect((await onlyArray([first ?? expect.fail(), justBehind])).warnings).toEqual([]);
});

test("two members that claim one position: neither is read", async () => {
  const [first] = members(1, { level: 1, devices: 2 });
  const array = await onlyArray([first ?? expect.fail(), Buffer.from(first ?? [])]);
  await expect(array.open()).rejects.toThrow("none of its devices is there and up to date");
});

test("a device missing from stripes is named", async () => {
  const array = await onlyArray(members(3, { level: 0 }).slice(1));
  await expect(array.open()).rejects.toThrow(SourceError);
});

const changed = (change: (image: Buffer) => void): Buffer => {
  const image = members(2, { level: 1 })[0] ?? expect.fail();
  change(image);
  return image;
};

test.each([
  ["a wrong checksum", changed((image) => image.writeUInt32LE(1, 216)), CorruptDataError],
  ["data beyond the device's end", sealedMember({ 136: MEMBER_SIZE }), CorruptDataError],
  ["an array that uses more than there is", arrayMember({ level: 1, position: 0, used: 2 ** 50 }), CorruptDataError],
  ["more devices than there is room for", changed((image) => image.writeUInt32LE(5000, 220)), CorruptDataError],
  ["an unknown feature", sealedMember({ 8: 4 }), UnsupportedFeatureError],
  ["no superblock", Buffer.alloc(MEMBER_SIZE), CorruptDataError],
])("a member with %s is refused by name", async (_what, image, error) => {
  const { sets, others } = await find([image]);
  expect(sets).toEqual([]);
  const [verdict] = others.values();
  expect(verdict).toEqual({ error: expect.any(error) });
});

function sealedMember(fields: Readonly<Record<number, number>>): Buffer {
  return changed((image) => {
    for (const [offset, value] of Object.entries(fields)) image.writeUInt32LE(value, Number(offset));
    sealMember(image);
  });
}

test("an unknown level is refused when the array is opened", async () => {
  const array = await onlyArray(members(2, { level: 7 }));
  await expect(array.open()).rejects.toThrow(UnsupportedFeatureError);
});
