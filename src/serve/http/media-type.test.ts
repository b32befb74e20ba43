import { expect, test } from "vitest";
import { mediaTypeOf } from "./media-type.ts";

test.each([
  ["a.PNG", "image/png"],
  ["photo.jpeg", "image/jpeg"],
  ["nginx.conf", "text/plain"],
  ["a.html", "application/octet-stream"],
  ["a.svg", "application/octet-stream"],
  ["a.constructor", "application/octet-stream"],
  ["png", "application/octet-stream"],
  [".bashrc", "application/octet-stream"],
  ["a.png\u0000.html", "application/octet-stream"],
])("%s is %s", (name, type) => {
  expect(mediaTypeOf(Buffer.from(name))).toBe(type);
});
