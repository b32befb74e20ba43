import { expect, test } from "vitest";
import { ConfigError } from "../../../errors.ts";
import { parseAuthorizedKeys } from "./authorized-keys.ts";
import { SourcePattern } from "./source-pattern.ts";
import { fingerprint, generateUserKey, knownHostsLine, publicKeyBlob } from "./ssh-keys.ts";

test("generated keys are read back, also one that begins with a zero byte", async () => {
  // One in 256 does; this many always hold one.
  for (let found = false, count = 0; !found; count++) {
    expect(count).toBeLessThan(10_000);
    const { privateKey, publicKey } = generateUserKey("somebody");
    const { blob, comment } = (await parseAuthorizedKeys(publicKey)).keys[0] ?? {};
    expect(await publicKeyBlob(privateKey)).toEqual(blob);
    expect(comment).toBe("somebody");
    found = blob?.at(-32) === 0;
  }
});

test("known_hosts lines name ports other than 22", async () => {
  const blob = await publicKeyBlob(generateUserKey("").privateKey);
  expect(knownHostsLine("host", 22, blob)).toBe(`host ssh-ed25519 ${blob.toString("base64")}`);
  expect(knownHostsLine("host", 2222, blob)).toMatch(/^\[host\]:2222 ssh-ed25519 /);
  expect(fingerprint(blob)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
});

test("a bad line grants nothing and takes nothing from the others", async () => {
  const { publicKey } = generateUserKey("kept");
  const text = [
    "# comment",
    `command="echo \\"hi, there\\"",no-pty ${publicKey}`,
    `cert-authority ${publicKey}`,
    `expiry-time="soon" ${publicKey}`,
    `from="10.0.0.0/99" ${publicKey}`,
    "ssh-ed25519 AAAA short",
    "ssh-dss AAAAB3NzaC1kc3M= old",
    "only-options",
  ].join("\n");
  const { keys, refused } = await parseAuthorizedKeys(text);
  expect(keys.map(({ comment }) => comment)).toEqual(["kept"]);
  expect(refused.map((reason) => reason.slice(0, 7))).toEqual([
    "line 3:",
    "line 4:",
    "line 5:",
    "line 6:",
    "line 7:",
    "line 8:",
  ]);
  await expect(parseAuthorizedKeys("\n# none\n")).rejects.toThrow(ConfigError);
});

test("expiry times, with and without a zone", async () => {
  const { publicKey } = generateUserKey("");
  const expiry = async (value: string) =>
    (await parseAuthorizedKeys(`expiry-time="${value}" ${publicKey}`)).keys[0]?.expiresAt;
  expect(await expiry("20300102Z")).toEqual(new Date("2030-01-02T00:00:00Z"));
  expect(await expiry("20300102030405Z")).toEqual(new Date("2030-01-02T03:04:05Z"));
  expect(await expiry("203001020304")).toEqual(new Date(2030, 0, 2, 3, 4));
});

test.each([
  ["192.0.2.*", "192.0.2.7", true],
  ["192.0.2.?", "192.0.2.77", false],
  ["192.0.2.0/24,!192.0.2.7", "192.0.2.7", false],
  ["192.0.2.0/24,!192.0.2.7", "192.0.2.8", true],
  ["192.0.2.0/24", "::ffff:192.0.2.8", true],
  ["2001:db8::/32", "2001:db8::1", true],
  ["2001:db8::/32", "192.0.2.1", false],
  ["!192.0.2.1", "192.0.2.2", false],
  ["*.example.com", "192.0.2.2", false],
  ["192.0.2.1", "192x0y2z1", false],
])("from=%s and a client at %s", (pattern, address, expected) => {
  expect(new SourcePattern(pattern).allows(address)).toBe(expected);
});
