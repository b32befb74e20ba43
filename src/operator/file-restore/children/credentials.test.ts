import ssh2 from "ssh2";
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

const keyPair = (type: "ed25519" | "ecdsa" | "rsa", bits = 0) =>
  ssh2.utils.generateKeyPairSync(type as "rsa", { bits }).public;

test.each<[string, () => string, string]>([
  ["ed25519", () => keyPair("ed25519"), "taken"],
  ["ecdsa P-256", () => keyPair("ecdsa", 256), "taken"],
  ["RSA of 3072 bits", () => keyPair("rsa", 3072), "taken"],
  ["RSA of 1024 bits (S11)", () => keyPair("rsa", 1024), "needs 3072 bits, this one has 1024"],
  ["ssh-dss", () => "ssh-dss AAAAB3NzaC1kc3MAAACBAP", 'keys of type "ssh-dss" cannot be used here'],
  ["garbage", () => "not a key at all", "nobody could log in"],
  ["empty", () => "", "there is no key in them"],
  ["malformed behind a good prefix", () => "ssh-ed25519 AAAAnot-base64", "the key is damaged"],
  ["of another type than it says", () => keyPair("ed25519").replace("ssh-ed25519", "ssh-rsa"), "the key is damaged"],
])("ValidateSSHPublicKey: %s", async (_what, key, expected) => {
  const verdict = await publicKeySecret(owner, "ns", key()).then(
    () => "taken",
    (error: Error) => error.message,
  );
  expect(verdict).toContain(expected);
});

test.each<[string, "ssh" | "fileBrowser", Record<string, string>]>([
  ["a key only", "ssh", { authorized_keys: publicKey }],
  ["a key and a user name", "ssh", { authorized_keys: publicKey, username: "alice" }],
  ["all fields", "ssh", { authorized_keys: publicKey, username: "alice", privateKey: "x" }],
  ["a password only", "fileBrowser", { password: "123456789012" }],
  ["a password and a user name", "fileBrowser", { password: "correct horse", username: "alice" }],
  ["a password of exactly 12 bytes and the line feed of an editor", "fileBrowser", { password: "123456789012\n" }],
])("ValidateSSHSecret, ValidateFileBrowserSecret: %s will do", async (_what, type, data) => {
  const copy = await copiedSecret(owner, "ns", type, source(data));
  expect(text(copy, "username")).toBe(data["username"] ?? "oadp");
  expect(copy).toMatchObject({
    type: "Opaque",
    metadata: {
      namespace: "ns",
      labels: { "oadp.openshift.io/vmfr-origin-uuid": "u", "oadp.openshift.io/credential-type": type.toLowerCase() },
      annotations: { "oadp.openshift.io/vmfr-origin-name": "r", "oadp.openshift.io/vmfr-origin-namespace": "adp" },
    },
  });
  expect(copy.metadata).not.toHaveProperty("ownerReferences");
});

test("a Secret without data is refused by name", async () => {
  const { data: _, ...empty } = source({});
  await expect(copiedSecret(owner, "ns", "ssh", empty)).rejects.toThrow("'authorized_keys' is missing or empty");
  await expect(copiedSecret(owner, "ns", "fileBrowser", empty)).rejects.toThrow("'password' is missing or empty");
});

test("an inline key is checked before it is used", async () => {
  await expect(publicKeySecret(owner, "ns", "ssh-dss AAAA")).rejects.toThrow("nobody could log in");
  const secret = await publicKeySecret(owner, "ns", publicKey, "alice");
  expect(text(secret, "username")).toBe("alice");
  expect(secret.data).not.toHaveProperty("privateKey");
});
