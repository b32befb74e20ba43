import { expect, test } from "vitest";
import { shortName } from "./short-name.ts";

test.each([
  ["README  TXT", 0, "README.TXT"],
  ["README  TXT", 0x18, "readme.txt"],
  ["A B     C D", 0, "A B.C D"],
  ["NOEXT      ", 0, "NOEXT"],
  ["ENDS\0HERETX", 0, "ENDS.ETX"],
  ["INNERD~1  \0", 0, "INNERD~1"],
  ["\u0005EGIN   TXT", 0, "σEGIN.TXT"],
  ["           ", 0, ""],
])("%j is shown as Linux shows it", (stored, caseFlags, shown) => {
  expect(shortName(Buffer.from(stored, "latin1"), caseFlags, 437)).toBe(shown);
});
