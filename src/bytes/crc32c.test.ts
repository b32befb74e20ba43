import { expect, test } from "vitest";
import { crc32c } from "./crc32c.ts";

// RFC 3720 appendix B.4
test.each([
  ["32 zero bytes", new Uint8Array(32), 0x8a9136aa],
  ["32 bytes of ones", new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ["incrementing", Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd794e],
  ["'123456789'", Buffer.from("123456789"), 0xe3069283],
])("crc32c of %s", (_name, bytes, expected) => {
  expect(~crc32c(0xffffffff, bytes) >>> 0).toBe(expected);
});

test("continues across any split", () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, index) => index * 7);
  const whole = crc32c(0xffffffff, bytes);
  for (let split = 0; split <= bytes.length; split++) {
    expect(crc32c(crc32c(0xffffffff, bytes.subarray(0, split)), bytes.subarray(split))).toBe(whole);
  }
});
