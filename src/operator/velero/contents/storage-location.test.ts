import { expect, test } from "vitest";
import type { KubeClient } from "../../../kube/kube-client.ts";
import type { BackupStorageLocation } from "../velero-resources.ts";
import { downloadTargetOf } from "./download-target.ts";
import { parseSharedCredentials } from "./shared-credentials.ts";
import { bucketTrustOf, s3OptionsOf } from "./storage-location.ts";

const FILE = `
# made by hand
[default]
aws_access_key_id = AKIA1
aws_secret_access_key=secret/1+x=

[other]
aws_access_key_id=AKIA2
aws_secret_access_key=secret2
aws_session_token=token
[role]
role_arn=arn:aws:iam::1:role/x
`;

test("profiles of a shared credentials file", () => {
  expect(parseSharedCredentials(FILE)).toEqual({ accessKeyId: "AKIA1", secretAccessKey: "secret/1+x=" });
  expect(parseSharedCredentials(FILE.replaceAll("\n", "\r\n"), "other")).toEqual({
    accessKeyId: "AKIA2",
    secretAccessKey: "secret2",
    sessionToken: "token",
  });
  expect(parseSharedCredentials(FILE, "role")).toBeUndefined();
  expect(parseSharedCredentials(FILE, "none")).toBeUndefined();
  expect(parseSharedCredentials("\0\0")).toBeUndefined();
});

const base64 = (text: string) => Buffer.from(text).toString("base64");

/** Secrets by name, as the API server would give them. */
function clientWith(secrets: Readonly<Record<string, Readonly<Record<string, string>>>>): Pick<KubeClient, "find"> {
  const find = async (_type: unknown, { name }: { name: string }) => {
    const data = secrets[name];
    return data && { data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)])) };
  };
  return { find: find as KubeClient["find"] };
}

function location(spec: Partial<BackupStorageLocation["spec"]>): BackupStorageLocation {
  return {
    apiVersion: "velero.io/v1",
    kind: "BackupStorageLocation",
    metadata: { name: "default", namespace: "velero" },
    spec: { provider: "aws", objectStorage: { bucket: "backups" }, ...spec },
  };
}

const client = clientWith({ "cloud-credentials": { cloud: FILE }, mine: { key: FILE }, ca: { "ca.crt": "PEM" } });

test("a location with everything", async () => {
  const options = await s3OptionsOf(
    client,
    location({
      provider: "velero.io/aws",
      objectStorage: { bucket: "backups", prefix: "/clusters/one/", caCert: base64("PEM") },
      config: {
        region: "eu-west-1",
        s3Url: "https://s3.example.com",
        s3ForcePathStyle: "true",
        profile: "other",
        insecureSkipTLSVerify: "true",
      },
      credential: { name: "mine", key: "key" },
    }),
  );
  expect(options).toEqual({
    bucket: "backups",
    prefix: "clusters/one/",
    region: "eu-west-1",
    endpoint: "https://s3.example.com",
    pathStyle: true,
    authority: "PEM",
    insecureSkipTLSVerify: true,
    credentials: { accessKeyId: "AKIA2", secretAccessKey: "secret2", sessionToken: "token" },
  });
});

test("a location with nothing but a bucket uses the Secret Velero is installed with", async () => {
  const credentials = { accessKeyId: "AKIA1", secretAccessKey: "secret/1+x=" };
  expect(await s3OptionsOf(client, location({}))).toEqual({ bucket: "backups", prefix: "", credentials });
});

test("the authority may be in a Secret", async () => {
  const objectStorage = { bucket: "backups", caCertRef: { name: "ca", key: "ca.crt" } };
  expect(await bucketTrustOf(client, location({ objectStorage }))).toEqual({ authority: "PEM" });
  expect(await bucketTrustOf(client, location({}))).toEqual({});
});

test.each<[string, Partial<BackupStorageLocation["spec"]>, string]>([
  ["another provider", { provider: "azure" }, "not supported: provider azure"],
  ["a missing Secret", { credential: { name: "none", key: "key" } }, "its Secret holds no access key"],
  ["a missing key", { credential: { name: "mine", key: "none" } }, "its Secret holds no access key"],
  ["a profile without keys", { config: { profile: "role" } }, "its Secret holds no access key"],
])("%s cannot be read directly", async (_what, spec, message) => {
  await expect(s3OptionsOf(client, location(spec))).rejects.toThrow(message);
});

test("what Velero is asked for in place of each object", () => {
  const targets = ["a-resource-list.json.gz", "a.tar.gz", "a-volumeinfo.json.gz", "a-podvolumebackups.json.gz"].map(
    (file) => downloadTargetOf(`backups/a/${file}`)?.kind,
  );
  expect(targets).toEqual(["BackupResourceList", "BackupContents", "BackupVolumeInfos", undefined]);
  expect(() => downloadTargetOf("backups/../x")).toThrow("not a valid name of a backup");
});
