import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PathError } from "../../errors.ts";
import { decodePath, encodePath, parseRequestTarget } from "./request-path.ts";

test("every path of bytes survives encoding and decoding", () => {
  const names = fc.uint8Array({ minLength: 1, maxLength: 40 }).filter((name) => {
    const text = Buffer.from(name).toString("latin1");
    return !/[/\0]/.test(text) && text !== "..";
  });
  fc.assert(
    fc.property(fc.array(names), (parts) => {
      const path = Buffer.concat(parts.flatMap((part) => [Buffer.from("/"), part]));
      const encoded = encodePath(path);
      expect(encoded).toMatch(/^[A-Za-z0-9._~/%-]*$/);
      expect(Buffer.from(decodePath(encoded))).toEqual(path);
    }),
  );
});

test("octets that are not UTF-8 are octets", () => {
  expect([...decodePath("/%ff%C3%28")]).toEqual([0x2f, 0xff, 0xc3, 0x28]);
  expect([...decodePath("/\u00e9")]).toEqual([0x2f, 0xe9]);
});

describe("refuses", () => {
  test.each([
    ["/files/../etc/passwd", "it leads upwards"],
    ["/files/%2e%2e/etc", "it leads upwards"],
    ["/files/.%2E", "it leads upwards"],
    ["/files/..%2fetc", "a name cannot hold a slash"],
    ["/files/a%2Fb", "a name cannot hold a slash"],
    ["/files/a%00b", "a name cannot hold a NUL"],
    ["/files/a%0", "a percent sign is not followed by two digits"],
    ["/files/%zz", "a percent sign is not followed by two digits"],
    ["https://elsewhere/files", "it must start with a slash"],
    ["*", "it must start with a slash"],
  ])("%s", (target, why) => {
    expect(() => parseRequestTarget(target)).toThrow(PathError);
    expect(() => parseRequestTarget(target)).toThrow(why);
  });
});

test("dots inside names and single dots are harmless", () => {
  for (const path of ["/files/..a", "/files/...", "/files/./a", "/files/a.."]) {
    expect(parseRequestTarget(path).path).toBe(path);
  }
});

test("a backslash is a byte of a name", () => {
  expect(Buffer.from(decodePath("/a%5Cb%5c..%5cc")).toString()).toBe("/a\\b\\..\\c");
});

test("the query is apart from the path", () => {
  const { path, query } = parseRequestTarget("/archive/a?format=zip&x=..");
  expect([path, query.get("format")]).toEqual(["/archive/a", "zip"]);
});
