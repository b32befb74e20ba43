import fc from "fast-check";
import { expect, test } from "vitest";
import { displayName } from "../bytes/byte-name.ts";
import { unescapePath } from "./path-argument.ts";

test("what a listing shows leads back to the same bytes", () => {
  const shownWithEscapes = fc.uint8Array({ minLength: 1 }).filter((name) => displayName(name).includes("\\x"));
  fc.assert(
    fc.property(shownWithEscapes, (name) => {
      expect(Buffer.compare(unescapePath(displayName(name)), name)).toBe(0);
    }),
  );
});
