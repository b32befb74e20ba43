import { expect, test } from "vitest";
import { MemoryObjects } from "../../../test/fixtures/kube/memory-objects.ts";
import type { KubeObject } from "../../kube/resource-type.ts";
import { type Secret, secrets } from "../../kube/resources.ts";
import type { FileAccess } from "../api/v1alpha1/file-access.ts";
import { accessMethods } from "./children/access-methods.ts";
import { generatedSshSecret } from "./children/credentials.ts";
import { ensureCredentials } from "./credentials-step.ts";
import { StepFailure } from "./step.ts";

const owner = { name: "r", namespace: "adp", uid: "u" };
const namespace = "r-ns";
const text = (secret: Secret | undefined, key: string) => Buffer.from(secret?.data?.[key] ?? "", "base64").toString();
const publicKey = text(generatedSshSecret(owner, namespace), "authorized_keys").trim();

const secret = (inNamespace: string, name: string, data: Record<string, string>) =>
  [
    secrets,
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { namespace: inNamespace, name },
      data: Object.fromEntries(
        Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString("base64")]),
      ),
    } as KubeObject,
  ] as const;

const users = [
  secret("adp", "mine", { authorized_keys: publicKey, username: "alice", password: "correct horse" }),
  secret(namespace, "here", { authorized_keys: publicKey, password: "correct horse" }),
  secret("team", "far", { authorized_keys: publicKey, password: "correct horse" }),
  secret("adp", "bad", { authorized_keys: "ssh-dss AAAA", password: "short" }),
];

async function credentials(fileAccess: FileAccess | undefined, client = new MemoryObjects(...users)) {
  const names = await ensureCredentials(client, owner, namespace, fileAccess, accessMethods(fileAccess));
  const find = async (name?: string) => (name === undefined ? undefined : client.find(secrets, { namespace, name }));
  return { names, ssh: await find(names.ssh), web: await find(names.web) };
}

test.each<[string, FileAccess | undefined, string[]]>([
  ["without fileAccess: the web browser (D3)", undefined, ["web"]],
  ["ssh", { ssh: {} }, ["ssh"]],
  ["the web browser", { fileBrowser: {} }, ["web"]],
  ["both", { ssh: {}, fileBrowser: {} }, ["ssh", "web"]],
])("ensureCredentials makes one Secret for each way that is asked for: %s", async (_what, fileAccess, ways) => {
  const { names, ssh, web } = await credentials(fileAccess);
  expect(Object.keys(names)).toEqual(ways);
  if (ssh !== undefined) expect(text(ssh, "privateKey")).toContain("BEGIN OPENSSH PRIVATE KEY");
  if (web !== undefined) expect(text(web, "password").length).toBeGreaterThanOrEqual(25);
});

test.each([
  ["the file restore's namespace, which is meant where none is said", { name: "mine" }, "adp/mine", "alice"],
  ["the restore's namespace (D9)", { name: "here", namespace }, `${namespace}/here`, "oadp"],
  ["another namespace", { name: "far", namespace: "team" }, "team/far", "oadp"],
])("a Secret in %s is copied", async (_what, credentialsSecretRef, source, username) => {
  const { ssh, web } = await credentials({ ssh: { credentialsSecretRef }, fileBrowser: { credentialsSecretRef } });
  for (const copy of [ssh, web]) {
    expect(copy?.metadata.annotations).toMatchObject({ "oadp.openshift.io/copied-from": source });
    expect(text(copy, "username")).toBe(username);
  }
  expect(text(ssh, "authorized_keys")).toBe(publicKey);
  expect(text(web, "password")).toBe("correct horse");
});

test("an inline key is taken as it is, without a private key", async () => {
  const { ssh } = await credentials({ ssh: { publicKey, username: "bob" } });
  expect([text(ssh, "authorized_keys"), text(ssh, "username")]).toEqual([`${publicKey}\n`, "bob"]);
  expect(ssh?.data).not.toHaveProperty("privateKey");
});

test.each<[string, FileAccess, string]>([
  ["an invalid inline key", { ssh: { publicKey: "ssh-dss AAAA" } }, "nobody could log in"],
  ["a Secret that is missing", { ssh: { credentialsSecretRef: { name: "none" } } }, "Secret adp/none does not exist"],
  ["a Secret with a bad key", { ssh: { credentialsSecretRef: { name: "bad" } } }, "nobody could log in"],
  ["a short password", { fileBrowser: { credentialsSecretRef: { name: "bad" } } }, "at least 12 bytes"],
  [
    "a Secret elsewhere that is missing",
    { fileBrowser: { credentialsSecretRef: { name: "mine", namespace: "x" } } },
    "x/mine",
  ],
])("%s ends the restore with its reason", async (_what, fileAccess, message) => {
  const attempt = credentials(fileAccess);
  await expect(attempt).rejects.toThrow(StepFailure);
  await expect(attempt).rejects.toMatchObject({
    reason: "CredentialsPreparationFailed",
    message: expect.stringContaining(message),
  });
});

test("what was generated stays as long as it is asked for; an edit to it makes it anew", async () => {
  const client = new MemoryObjects(...users);
  const first = await credentials({ ssh: {}, fileBrowser: {} }, client);
  const again = await credentials({ ssh: {}, fileBrowser: {} }, client);
  expect([again.ssh, again.web]).toEqual([first.ssh, first.web]);
  await credentials({ ssh: { publicKey } }, client);
  const { ssh } = await credentials({ ssh: {} }, client);
  expect(text(ssh, "privateKey")).not.toBe(text(first.ssh, "privateKey"));
  expect(text(ssh, "privateKey")).toContain("BEGIN OPENSSH PRIVATE KEY");
});

test("somebody else's Secret of that name is left alone", async () => {
  const { names } = await credentials({ ssh: {} });
  const client = new MemoryObjects(secret(namespace, names.ssh ?? "", { authorized_keys: publicKey }));
  await expect(credentials({ ssh: { publicKey } }, client)).rejects.toMatchObject({ reason: "NameTaken" });
});
