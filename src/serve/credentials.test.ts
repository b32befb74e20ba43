import { expect, test } from "vitest";
import { createCredentials, generatePassword } from "./credentials.ts";

test("accepts the one user and password, in either Unicode form, and nothing else", async () => {
  const credentials = await createCredentials("oadp", "caf\u00e9");
  expect(await credentials.verify("oadp", "cafe\u0301")).toBe(true);
  for (const [user, password] of [
    ["oadp", "cafe"],
    ["other", "caf\u00e9"],
    ["", ""],
    ["oadp", ""],
  ] as const) {
    expect(await credentials.verify(user, password)).toBe(false);
  }
  expect(JSON.stringify(credentials)).not.toContain("caf");
});

test("a wrong user takes as long as a wrong password", async () => {
  const credentials = await createCredentials("oadp", "right");
  const time = async (user: string): Promise<number> => {
    const startedAt = performance.now();
    await credentials.verify(user, "wrong");
    return performance.now() - startedAt;
  };
  const known: number[] = [];
  const unknown: number[] = [];
  for (let round = 0; round < 5; round++) {
    known.push(await time("oadp"));
    unknown.push(await time("nobody"));
  }
  const fastest = (times: number[]): number => Math.min(...times);
  expect(fastest(unknown) / fastest(known)).toBeGreaterThan(0.3);
  expect(fastest(unknown) / fastest(known)).toBeLessThan(3);
});

test("generated passwords have 25 letters that cannot be mistaken for each other", () => {
  const passwords = new Set(Array.from({ length: 50 }, generatePassword));
  expect(passwords.size).toBe(50);
  for (const password of passwords) expect(password).toMatch(/^[a-hjkmnp-z2-9]{5}(-[a-hjkmnp-z2-9]{5}){4}$/);
});
