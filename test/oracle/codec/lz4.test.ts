import { execFileSync } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { compressLz4Block } from "../../../src/codec/lz4-block.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { tally } from "../../setup/tally.ts";

beforeAll(() => requireDebianPackages("lz4"));

/** Blocks in the legacy frame of lz4_Frame_format.md: a magic number, then each block behind its length. */
function legacyFrame(blocks: readonly Uint8Array[]): Buffer {
  const magic = Buffer.from("02214c18", "hex");
  return Buffer.concat([magic, ...blocks.flatMap((block) => [lengthOf(block), block])]);
}

function lengthOf(block: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(block.length, 0);
  return length;
}

test("lz4 decompresses what was compressed here, and text to about what lz4 itself makes of it", () => {
  const text = execFileSync("bash", ["-c", "cat /usr/share/common-licenses/*"]).subarray(0, 65_536);
  expect(text).toHaveLength(65_536);
  const mixed = Buffer.concat(
    Array.from({ length: 100 }, (_, index) =>
      Buffer.concat([randomFillSync(Buffer.alloc(7 * index)), Buffer.alloc(300)]),
    ),
  ).subarray(0, 65_536);
  const lengths = [0, 1, 4, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 270, 271, 272, 525, 4096, 16_304, 65_536];
  const inputs = [text, Buffer.alloc(65_536), randomFillSync(Buffer.alloc(65_536)), mixed];
  for (const input of inputs) {
    for (const length of lengths) {
      const piece = input.subarray(0, length);
      const output = execFileSync("lz4", ["-dc"], {
        input: legacyFrame([compressLz4Block(piece)]),
        maxBuffer: 1 << 20,
      });
      expect(output.equals(piece), `${length} bytes`).toBe(true);
      tally("LZ4 blocks read back by lz4", 1);
    }
  }
  const theirs = execFileSync("lz4", ["-1c", "--no-frame-crc"], { input: text }).length;
  expect(compressLz4Block(text).length).toBeLessThan(theirs * 1.15);
});
