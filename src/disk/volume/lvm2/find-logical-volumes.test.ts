import { expect, test } from "vitest";
import {
  AREA,
  EXTENT,
  groupText,
  linear,
  physicalVolume,
  type SegmentSpec,
  sealArea,
  TEXT_START,
  type VolumeSpec,
} from "../../../../test/fixtures/lvm2/small-physical-volume.ts";
import { defaultLimits } from "../../../bytes/limits.ts";
import { CorruptDataError, type VmfrError } from "../../../errors.ts";
import { MemorySource } from "../../../source/memory-source.ts";
import { findLogicalVolumes } from "./find-logical-volumes.ts";

const A = "A".charCodeAt(0);
const B = "B".charCodeAt(0);

const find = (images: readonly Uint8Array[]) =>
  findLogicalVolumes(
    images.map((image) => new MemorySource(image)),
    { limits: defaultLimits },
  );

const volume = (name: string, ...segments: readonly SegmentSpec[]): VolumeSpec => ({ name, segments });

/** Two physical volumes of one group that holds these volumes. */
function group(...volumes: readonly VolumeSpec[]): Buffer[] {
  const text = groupText("AB", volumes);
  return [physicalVolume("A", text), physicalVolume("B", text)];
}

async function open(images: readonly Uint8Array[], name: string) {
  const { sets } = await find(images);
  const found = sets[0]?.volumes.find((each) => each.devices[0] === `/dev/vg/${name}`) ?? expect.fail(`no ${name}`);
  return found.open();
}

test("a linear volume over two physical volumes", async () => {
  const source = await open(group(volume("root", linear(2, "pv0", 5), linear(1, "pv1", 0))), "root");
  expect(source.size).toBe(3 * EXTENT);
  const bytes = await source.read(0, source.size);
  expect([bytes[0], bytes[EXTENT], bytes[2 * EXTENT]]).toEqual([A + 5, A + 6, B]);
});

test("stripes, extent by extent and chunk by chunk", async () => {
  const lines = ["stripe_count = 2", "stripe_size = 4", 'stripes = ["pv0", 0, "pv1", 8]'];
  const source = await open(group(volume("fast", { extents: 4, type: "striped", lines })), "fast");
  const chunk = 4 * 512;
  const at = async (offset: number) => (await source.read(offset, 1))[0];
  expect([await at(0), await at(chunk), await at(2 * chunk), await at(4 * chunk)]).toEqual([A, B + 8, A, A + 1]);
});

test("what the guest knows the volumes by; parts of others are not shown", async () => {
  const hidden = { ...volume("part", linear(1, "pv0", 1)), status: '"READ", "WRITE"' };
  const { sets } = await find(group(volume("with-dash", linear(1, "pv0", 0)), hidden));
  expect(sets[0]?.volumes.map(({ devices }) => devices.slice(0, 2))).toEqual([
    ["/dev/vg/with-dash", "/dev/mapper/vg-with--dash"],
  ]);
});

test("of two texts the newer one counts, wherever it lies", async () => {
  const older = physicalVolume("A", groupText("AB", [volume("old", linear(1, "pv0", 0))], 3));
  const newer = physicalVolume("B", groupText("AB", [volume("new", linear(1, "pv0", 7))], 4));
  expect((await (await open([older, newer], "new")).read(0, 1))[0] as number).toBe(A + 7);
});

test("a missing physical volume costs the volumes that need it, and no others", async () => {
  const [first] = group(volume("here", linear(1, "pv0", 0)), volume("gone", linear(1, "pv1", 0)));
  const images = [first ?? expect.fail()];
  expect((await (await open(images, "here")).read(0, 1))[0]).toBe(A);
  await expect(open(images, "gone")).rejects.toThrow(/physical volume|missing/);
  expect((await find(images)).sets[0]?.warnings.join()).toContain("is missing");
});

test("a physical volume beside its copy: none of them is used", async () => {
  const [first, second] = group(volume("root", linear(1, "pv0", 0)));
  const { sets, others } = await find([first, first, second].map((each) => Buffer.from(each ?? [])));
  expect(sets[0]?.warnings.join()).toContain("is there 2 times, none is used");
  expect([...others.values()].map((verdict) => ("what" in verdict ? verdict.what : ""))).toEqual([
    expect.stringContaining("more than once"),
    expect.stringContaining("more than once"),
  ]);
});

const SELF = { extents: 1, type: "striped", lines: ["stripe_count = 1", 'stripes = ["loop", 0]'] };

test.each([
  ["itself", [volume("loop", SELF)]],
  [
    "each other",
    [
      volume("loop", { ...SELF, lines: ["stripe_count = 1", 'stripes = ["other", 0]'] }),
      volume("other", { ...SELF, lines: ["stripe_count = 1", 'stripes = ["loop", 0]'] }),
    ],
  ],
])("a volume that lies on %s is refused", async (_what, volumes) => {
  await expect(open(group(...volumes), "loop")).rejects.toThrow(/lvm2/);
});

test.each([
  ["extents that the physical volume does not have", [linear(2, "pv0", 31)]],
  ["an unknown place", [linear(1, "pv9", 0)]],
])("a volume on %s is refused", async (_what, segments) => {
  const opened = open(group(volume("root", ...segments)), "root");
  await expect(opened.then((source) => source.read(0, source.size))).rejects.toThrow(/lvm2|slice|volume/);
});

function damaged(change: (image: Buffer) => void): Buffer {
  const [image = expect.fail()] = group(volume("root", linear(1, "pv0", 0)));
  change(image);
  return image;
}

test.each<[string, (image: Buffer) => void]>([
  ["a label", (image) => image.writeUInt8(0xff, 600)],
  ["a metadata area's header", (image) => image.writeUInt8(0xff, AREA.start + 30)],
  ["a text", (image) => image.writeUInt8(0x21, TEXT_START + 40)],
  [
    "a text that is sealed and no text",
    (image) => {
      image.fill("{", TEXT_START, TEXT_START + 100);
      sealArea(image);
    },
  ],
  [
    "a text larger than its area",
    (image) => {
      image.writeBigUInt64LE(BigInt(AREA.size), AREA.start + 48);
      sealArea(image);
    },
  ],
])("damage in %s is named", async (_what, change) => {
  const { sets, others } = await find([damaged(change)]);
  expect(sets).toEqual([]);
  const [verdict] = others.values();
  expect(verdict).toEqual({ error: expect.any(CorruptDataError) });
  expect((verdict as { error: VmfrError }).error.message).toMatch(/^lvm2: /);
});
