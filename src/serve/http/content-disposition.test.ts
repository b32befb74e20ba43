import fc from "fast-check";
import { expect, test } from "vitest";
import { attachment } from "./content-disposition.ts";

const of = (text: string): string => attachment(Buffer.from(text));

test("plain names go as they are", () => {
  expect(of("nginx.conf")).toBe('attachment; filename="nginx.conf"');
});

test("other text gets an exact form beside a plain one", () => {
  expect(of("Bücher €.txt")).toBe(`attachment; filename="B_cher _.txt"; filename*=UTF-8''B%C3%BCcher%20%E2%82%AC.txt`);
  expect(of('a"b')).toBe(`attachment; filename="a_b"; filename*=UTF-8''a%22b`);
});

test("names that would end the header, or write upwards on Windows, are tamed", () => {
  expect(of("a\r\nSet-Cookie: x=1")).toBe(
    `attachment; filename="a__Set-Cookie_ x=1"; filename*=UTF-8''a__Set-Cookie%3A%20x%3D1`,
  );
  expect(of("evil\u202Etxt.exe")).not.toContain("%E2%80%AE");
});

test("no bytes of a name break out of the header", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (name) => {
      expect(attachment(name)).toMatch(
        /^attachment; filename="[ !#-~]*"(; filename\*=UTF-8''([A-Za-z0-9._~-]|%[0-9A-F]{2})*)?$/,
      );
    }),
  );
});
