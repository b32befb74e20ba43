import { expect, test } from "vitest";
import { argon2, argon2InWebAssembly } from "./argon2.ts";

// From the tests of the reference implementation (P-H-C/phc-winner-argon2), version 1.3.
test.each([
  ["argon2i", 1, "89e9029f4637b295beb027056a7336c414fadd43f6b208645281cb214a56452f"],
  ["argon2i", 2, "4ff5ce2769a1d7f4c8a491df09d41a9fbe90e5eb02155a13e4c01e20cd4eab61"],
  ["argon2id", 1, "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"],
  ["argon2id", 2, "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"],
] as const)("%s with %i lanes", async (kind, lanes, expected) => {
  const parameters = { kind, passes: 2, memory: 256, lanes, salt: Buffer.from("somesalt") };
  for (const derive of [argon2, argon2InWebAssembly]) {
    const key = await derive(parameters, Buffer.from("password"), 32);
    expect(Buffer.from(key).toString("hex")).toBe(expected);
  }
});
