import { expect, test } from "vitest";
import { CorruptDataError, LimitError } from "../../../errors.ts";
import type { NonResidentAttribute } from "./attribute.ts";
import { decodeMappingPairs } from "./mapping-pairs.ts";

const BOUNDS = { clusterCount: 10_000_000_000, maximumRuns: 5, place: { format: "ntfs", structure: "MFT record 99" } };

function decode(hex: string, endVcn: number, firstVcn = 0) {
  const attribute: NonResidentAttribute = {
    type: 0x80,
    name: "",
    flags: 0,
    instance: 0,
    resident: false,
    firstVcn,
    endVcn,
    unitExponent: 0,
    allocatedSize: 0,
    dataSize: 0,
    initializedSize: 0,
    mappingPairs: Buffer.from(hex, "hex"),
  };
  return decodeMappingPairs(attribute, BOUNDS);
}

test("runs forwards and backwards, with holes between", () => {
  expect(decode("2108 0010 0104 1104 f8 00".replaceAll(" ", ""), 16)).toEqual([
    { vcn: 0, length: 8, lcn: 0x1000 },
    { vcn: 8, length: 4 },
    { vcn: 12, length: 4, lcn: 0xff8 },
  ]);
});

test("a continuation starts where it says, and places of 64 bits are read", () => {
  expect(decode("8101 0000000002000000 00".replaceAll(" ", ""), 101, 100)).toEqual([
    { vcn: 100, length: 1, lcn: 2 ** 33 },
  ]);
});

test("a length of one byte above 127 needs a second byte, since lengths are signed", () => {
  expect(decode("12 8000 05 00".replaceAll(" ", ""), 128)).toEqual([{ vcn: 0, length: 128, lcn: 5 }]);
  expect(() => decode("11 80 05 00".replaceAll(" ", ""), 128)).toThrow(CorruptDataError);
});

test.each([
  ["they end before the attribute does", "1104 05 00", 8],
  ["they go on behind it", "1108 05 00", 4],
  ["they lie before the volume", "1104 f8 00", 4],
  ["they lie behind it", "4104 ffffff7f 8104 ffffffffffff7f00", 8],
  ["a pair is cut off", "2104 05", 4],
  ["a length takes no bytes", "1005", 4],
  ["a length takes nine", "19 0102030405060708 09 05", 4],
])("mapping pairs are refused when %s", (_why, hex, endVcn) => {
  expect(() => decode(hex.replaceAll(" ", ""), endVcn)).toThrow(CorruptDataError);
});

test("more runs than the limit are refused as such", () => {
  expect(() => decode("110101".repeat(6), 6)).toThrow(LimitError);
});
