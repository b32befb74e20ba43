import { expect, test } from "vitest";
import type { Secret } from "../../../kube/resources.ts";
import { copiedSecret, generatedSshSecret, generatedWebSecret, publicKeySecret } from "./credentials.ts";

const owner = { name: "r", namespace: "adp", uid: "u" };
const text = (secret: Secret, key: string) => Buffer.from(secret.data?.[key] ?? "", "base64").toString();
const source = (data: Record<string, string>): Secret => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "mine", namespace: "team" },
  data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString("base64")])),
});
const { publicKey } = { publicKey: text(generatedSshSecret(owner, "ns"), "authorized_keys") };

test("a generated key is in OpenSSH's own format, and two differ (D12)", () => {
  const [one, other] = [generatedSshSecret(owner, "ns"), generatedSshSecret(owner, "ns")];
  expect(text(one, "privateKey")).toMatch(/^-----BEGIN OPENSSH PRIVATE KEY-----\n/);
  expect(text(one, "authorized_keys")).toMatch(/^ssh-ed25519 \S+ oadp@r\n$/);
  expect(text(one, "username")).toBe("oadp");
  expect(text(one, "privateKey")).not.toBe(text(other, "privateKey"));
});

test("a generated password begins with a letter or digit and is long enough (D22)", () => {
  const password = text(generatedWebSecret(owner, "ns"), "password");
  expect(password).toMatch(/^[a-z0-9]/);
  expect(password.length).toBeGreaterThanOrEqual(25);
});

test("of a user's Secret only what is needed is copied, with a user name where it has none (D11, S4)", async () => {
  const ssh = await copiedSecret(
    owner,
    "ns",
    "ssh",
    source({ authorized_keys: publicKey, privateKey: "x", token: "y" }),
  );
  expect(Object.keys(ssh.data ?? {}).sort()).toEqual(["authorized_keys", "username"]);
  expect(text(ssh, "username")).toBe("oadp");
  expect(ssh.metadata.annotations).toMatchObject({ "oadp.openshift.io/copied-from": "team/mine" });
  const web = await copiedSecret(owner, "ns", "fileBrowser", source({ password: "123456789012", other: "z" }));
  expect(Object.keys(web.data ?? {}).sort()).toEqual(["password", "username"]);
});

test.each([
  ["a missing key", "ssh" as const, {}, "required field 'authorized_keys' is missing"],
  ["an empty key", "ssh" as const, { authorized_keys: " \n" }, "required field 'authorized_keys' is missing"],
  ["garbage", "ssh" as const, { authorized_keys: "ssh-garbage AAAA" }, "nobody could log in"],
  ["a missing password", "fileBrowser" as const, {}, "required field 'password' is missing"],
  ["a short password", "fileBrowser" as const, { password: "12345678901" }, "at least 12 bytes"],
  ["a user name with a colon", "fileBrowser" as const, { password: "123456789012", username: "a:b" }, "user name"],
])("%s is refused by name", async (_what, type, data, message) => {
  await expect(copiedSecret(owner, "ns", type, source(data))).rejects.toThrow(message);
});

test("an inline key is checked before it is used", async () => {
  await expect(publicKeySecret(owner, "ns", "ssh-dss AAAA")).rejects.toThrow("nobody could log in");
  const secret = await publicKeySecret(owner, "ns", publicKey, "alice");
  expect(text(secret, "username")).toBe("alice");
  expect(secret.data).not.toHaveProperty("privateKey");
});
