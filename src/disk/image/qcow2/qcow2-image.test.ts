import fc from "fast-check";
import { expect, test } from "vitest";
import { ConfigError, CorruptDataError, LimitError, UnsupportedFeatureError, VmfrError } from "../../../errors.ts";
import { MemorySource } from "../../../source/memory-source.ts";
import { type OpenImageOptions, openImage } from "../open-image.ts";
import { CLUSTER, COMPRESSED_ENTRY, type SmallImageOptions, smallImage } from "./small-image.fixture.ts";

const open = (options: SmallImageOptions = {}, imageOptions: OpenImageOptions = {}) =>
  openImage(new MemorySource(smallImage(options)), imageOptions);

const readAll = async (options: SmallImageOptions) => {
  const image = await open(options);
  return image.read(0, image.size);
};

test("every kind of cluster reads as what it is", async () => {
  const image = await open();
  const bytes = await image.read(0, image.size);
  const firsts = Array.from({ length: 8 }, (_, index) => bytes[index * CLUSTER]);
  expect(firsts).toEqual([0x33, 0, 0, 0x44, 0x55, 0, 0, 0]);
  expect(await image.read(4 * CLUSTER - 1, 3)).toEqual(Uint8Array.of(0x44, 0x55, 0x55));
  const extents: string[] = [];
  for await (const { kind, offset, length } of image.extents?.() ?? []) extents.push(`${kind} ${offset}+${length}`);
  expect(extents).toEqual(["data 0+512", "hole 512+1024", "data 1536+1024", "hole 2560+1536"]);
});

test("unallocated clusters come from the backing file, zero clusters do not", async () => {
  const backing = new MemorySource(new Uint8Array(5.5 * CLUSTER).fill(0x77));
  const image = await open({ backingName: "/vm/base.img\n" }, { backing: [backing] });
  const bytes = await image.read(0, image.size);
  expect([1, 2, 5, 5.5, 6].map((cluster) => bytes[cluster * CLUSTER])).toEqual([0x77, 0, 0x77, 0, 0]);
});

test("a backing file is never opened by the name inside, which is shown escaped", async () => {
  const failure = open({ backingName: "/vm/base.img\n" });
  await expect(failure).rejects.toThrow(ConfigError);
  await expect(failure).rejects.toThrow('names "/vm/base.img\\x0a"; names inside images are not followed');
});

test.each([
  ["L1 table beyond the end", { header: [[44, 1024 * 1024]] }, "L1 table"],
  ["L1 table not aligned", { header: [[44, CLUSTER + 8]] }, "L1 table"],
  ["L1 table too small", { virtualSize: CLUSTER * 1000 }, "L1 table"],
  ["cluster size of 2^22", { header: [[20, 22]] }, "cluster size"],
  ["cluster size of 2^8", { header: [[20, 8]] }, "cluster size"],
  ["header longer than a cluster", { header: [[100, 1024]] }, "header length"],
  ["virtual size beyond all numbers", { header: [[24, 0x7fff_ffff]] }, "implausibly large"],
] satisfies [string, SmallImageOptions, string][])("refuses a lying header: %s", async (_name, options, message) => {
  const failure = open(options);
  await expect(failure).rejects.toThrow(CorruptDataError);
  await expect(failure).rejects.toThrow(message);
});

test("bounds the L1 table", async () => {
  const options = { virtualSize: 2 ** 45, header: [[36, 0xffff_ffff]] } satisfies SmallImageOptions;
  await expect(open(options)).rejects.toThrow(LimitError);
});

test.each([
  ["L2 table beyond the end", { l1: 1n << 40n }, "L2 table"],
  ["data cluster beyond the end", { l2: [1n << 40n] }, "cut short"],
  ["compressed cluster beyond the end", { l2: [(1n << 62n) | (1n << 40n)] }, "compressed cluster"],
  ["compressed cluster that is not deflate", { l2: [(1n << 62n) | BigInt(3 * CLUSTER)] }, "compressed cluster"],
  ["zero cluster in version 2", { version: 2, l2: [1n] }, "zero cluster"],
] satisfies [string, SmallImageOptions, string][])("%s", async (_name, options, message) => {
  const failure = readAll(options);
  await expect(failure).rejects.toThrow(CorruptDataError);
  await expect(failure).rejects.toThrow(message);
});

test("a bad entry fails its own cluster and no other", async () => {
  const image = await open({ l2: [1n << 40n, BigInt(3 * CLUSTER)] });
  await expect(image.read(0, 1)).rejects.toThrow(CorruptDataError);
  expect((await image.read(CLUSTER, CLUSTER))[0]).toBe(0x33);
});

test.each([
  ["dirty", 1, "dirty bit"],
  ["corrupt", 2, "corrupt bit"],
])("the %s bit is a warning", async (_name, bit, warning) => {
  const image = await open({ header: [[76, bit]] });
  expect(image.info.warnings).toEqual([expect.stringContaining(warning)]);
});

test.each([
  ["external data file", [[76, 4]], "external data file"],
  ["an unknown feature", [[76, 1 << 20]], "incompatible feature bit 20"],
  ["an unknown feature above", [[72, 1]], "incompatible feature bit 32"],
  ["AES", [[32, 1]], "encryption (AES-CBC)"],
  ["version 4", [[4, 4]], "version 4"],
] satisfies [string, SmallImageOptions["header"], string][])("refuses by name: %s", async (_name, header, message) => {
  const failure = open({ header: header ?? [] });
  await expect(failure).rejects.toThrow(UnsupportedFeatureError);
  await expect(failure).rejects.toThrow(message);
});

test("a compressed cluster is unpacked once for neighbouring small reads", async () => {
  const image = await open({ l2: [COMPRESSED_ENTRY] });
  const parts = await Promise.all([0, 100, 200].map((offset) => image.read(offset, 100)));
  expect(parts.every((part) => part.every((byte) => byte === 0x55))).toBe(true);
});

test("a virtual size that is no number of sectors ends with the last whole one, as in QEMU", async () => {
  const image = await openImage(new MemorySource(smallImage({ virtualSize: 3 * CLUSTER + 32 })), { format: "qcow2" });
  expect(image.size).toBe(3 * CLUSTER);
});

test("a damaged snapshot table is a warning, not a refusal", async () => {
  const image = await open({
    header: [
      [60, 1],
      [68, 0xffff_0000],
    ],
  });
  expect(image.info.warnings).toEqual([expect.stringContaining("snapshots cannot be listed: qcow2: snapshot table")]);
});

test("damaged images: same bytes or a named error, never anything else", async () => {
  const byte = fc.record({ offset: fc.nat(5 * CLUSTER + 50), value: fc.nat(255) });
  await fc.assert(
    fc.asyncProperty(fc.array(byte, { minLength: 1, maxLength: 8 }), fc.nat(6 * CLUSTER), async (damage, cut) => {
      const bytes = smallImage();
      for (const { offset, value } of damage) bytes[offset] = value;
      try {
        const image = await openImage(new MemorySource(bytes.subarray(0, bytes.length - (cut % 700))), {
          format: "qcow2",
        });
        await image.read(0, Math.min(image.size, 20 * CLUSTER));
        let seen = 0;
        for await (const _extent of image.extents?.() ?? []) if (++seen > 100) break;
      } catch (error) {
        expect(error).toBeInstanceOf(VmfrError);
      }
    }),
    { numRuns: 1000 },
  );
});
