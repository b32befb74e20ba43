import fc from "fast-check";
import { expect, test } from "vitest";
import { MemorySource } from "../../source/memory-source.ts";
import { detectContent, readSignatureArea, signaturePlace } from "./detect.ts";
import { SIGNATURES } from "./signatures.ts";

const SIZE = 300 * 1024;

async function detect(bytes: Uint8Array) {
  const source = new MemorySource(bytes);
  return detectContent(source, await readSignatureArea(source), {});
}

function withText(...texts: readonly (readonly [offset: number, text: string])[]): Buffer {
  const bytes = Buffer.alloc(SIZE);
  for (const [offset, text] of texts) bytes.write(text, offset, "latin1");
  return bytes;
}

test("every signature is recognised at every place it may lie, and alone", async () => {
  for (const signature of SIGNATURES.filter(({ confirm }) => confirm === undefined)) {
    for (const place of signature.magic) {
      const { type, warnings } = await detect(withText(place));
      // A format that has a reader by now says itself that such a stub is damaged.
      expect([type, warnings], signature.what).toEqual([signature.type, []]);
    }
  }
});

test.each([
  ["ZFS", withText([16_384, "\x01\x01\0\0"], [16_384 + 24, "version"]), "zfs"],
  ["md 0.90", withText([Math.floor(SIZE / 65_536) * 65_536 - 65_536, "\xfc\x4e\x2b\xa9"]), "md"],
  ["md 1.0", withText([SIZE - 8192, "\xfc\x4e\x2b\xa9"]), "md"],
  ["zeros", Buffer.alloc(SIZE), "empty"],
  ["nothing", Buffer.alloc(0), "empty"],
  ["noise", Buffer.alloc(SIZE, "noise"), "unknown"],
  ["zeros with something at the end", withText([SIZE - 3, "x"]), "unknown"],
])("%s", async (_name, bytes, type) => {
  expect((await detect(bytes)).type).toBe(type);
});

test("two signatures are told, not chosen between in silence", async () => {
  const { warnings } = await detect(withText([0, "LUKS\xba\xbe"], [65_600, "_BHRfS_M"]));
  expect(warnings).toEqual(["looks like LUKS, but also like Btrfs file system"]);
});

test("what shares the boot sector with a partition table is told apart from what does not", () => {
  expect(signaturePlace(withText([3, "NTFS    "]))).toBe("in-boot-sector");
  expect(signaturePlace(withText([0, "XFSB"]))).toBe("elsewhere");
  expect(signaturePlace(Buffer.alloc(SIZE))).toBeUndefined();
});

test("any bytes give an answer", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 3000 }),
      async (bytes) => (await detect(bytes)).content.kind !== "file-system",
    ),
  );
});
