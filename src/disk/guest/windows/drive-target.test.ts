import fc from "fast-check";
import { expect, test } from "vitest";
import { CorruptDataError } from "../../../errors.ts";
import { parseDriveTarget } from "./drive-target.ts";

const MOUNT_POINT = 0xa000_0003;
const SYMLINK = 0xa000_000c;

interface Link {
  readonly tag?: number;
  readonly substitute: string;
  readonly print?: string;
  readonly relative?: boolean;
}

/** [MS-FSCC] sections 2.1.2.4 and 2.1.2.5. */
function reparseData({ tag = MOUNT_POINT, substitute, print = "", relative = false }: Link): Buffer {
  const paths = Buffer.from(substitute + print, "utf16le");
  const places = Buffer.alloc(tag === SYMLINK ? 12 : 8);
  places.writeUInt16LE(substitute.length * 2, 2);
  places.writeUInt16LE(substitute.length * 2, 4);
  places.writeUInt16LE(print.length * 2, 6);
  if (tag === SYMLINK) places.writeUInt32LE(relative ? 1 : 0, 8);
  const header = Buffer.alloc(8);
  header.writeUInt32LE(tag);
  header.writeUInt16LE(places.length + paths.length, 4);
  return Buffer.concat([header, places, paths]);
}

function parse(link: Link): readonly string[] | undefined {
  const target = parseDriveTarget(reparseData(link));
  return target && [target.letter, Buffer.from(target.path).toString(), Buffer.from(target.shown).toString()];
}

test("junctions and symbolic links that name a drive", () => {
  expect(parse({ substitute: "\\??\\D:\\a\\ö", print: "D:\\a\\ö" })).toEqual(["D", "a/ö", "D:\\a\\ö"]);
  expect(parse({ substitute: "\\??\\d:\\" })).toEqual(["D", "", "\\??\\d:\\"]);
  expect(parse({ substitute: "\\??\\D:" })).toEqual(["D", "", "\\??\\D:"]);
  expect(parse({ tag: SYMLINK, substitute: "\\??\\C:\\a//b" })).toEqual(["C", "a/b", "\\??\\C:\\a//b"]);
});

test("what names no drive", () => {
  expect(parse({ tag: SYMLINK, substitute: "..\\a", relative: true })).toBeUndefined();
  expect(parse({ tag: SYMLINK, substitute: "\\Windows", relative: true })).toBeUndefined();
  expect(parse({ substitute: "\\??\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\" })).toBeUndefined();
  expect(parse({ tag: SYMLINK, substitute: "\\??\\UNC\\server\\share" })).toBeUndefined();
  expect(parse({ tag: 0x8000_0013, substitute: "\\??\\C:\\" })).toBeUndefined();
});

test("any bytes give a target, none, or a named error", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.constantFrom(MOUNT_POINT, SYMLINK), (bytes, tag) => {
      const data = Buffer.from(bytes);
      if (data.length >= 4) data.writeUInt32LE(tag);
      try {
        parseDriveTarget(data);
      } catch (error) {
        if (!(error instanceof CorruptDataError)) throw error;
      }
    }),
  );
});
