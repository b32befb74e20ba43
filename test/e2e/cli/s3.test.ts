import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type S3Server, startS3Server } from "../../setup/s3-server/s3-server.ts";
import { createTestCertificates } from "../../setup/s3-server/test-certificates.ts";
import { temporaryDirectory } from "../../setup/scratch-directory.ts";
import { example, exampleBucket, vmfr } from "../setup/vmfr.ts";

const VM = ["--vm", "demo/web-1"];
const DISK = "web-1-2026-11-17/web-1-data";

const directory = temporaryDirectory();
let server: S3Server;
let store: string;
let environment: Record<string, string>;

beforeAll(async () => {
  const objects = path.join(directory.path, "objects");
  mkdirSync(objects);
  cpSync(exampleBucket, path.join(objects, "velero/prod"), { recursive: true });
  const tls = await createTestCertificates();
  const caFile = path.join(directory.path, "ca.pem");
  writeFileSync(caFile, tls.ca);
  server = await startS3Server({ directory: objects, bucket: "backups", tls, pageSize: 7 });
  store = `s3://backups/velero/prod?endpoint=${server.endpoint}&region=test-1&pathStyle=true&caFile=${caFile}`;
  environment = {
    AWS_ACCESS_KEY_ID: server.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
  };
});

afterAll(async () => {
  await server?.close();
  directory.remove();
});

test.each([
  ["ls", ["ls", "-l", "-R"], ["/backups/web-1-2026-11-17/web-1-root/etc"]],
  ["cat", ["cat"], ["/backups/web-1-2026-11-17/web-1-root/etc/nginx/nginx.conf"]],
  ["image", ["image"], [DISK]],
  ["inspect", ["inspect", "--json"], [DISK]],
])(
  "%s over S3 with a prefix, path-style and a private CA equals the same from a directory",
  async (_name, command, args) => {
    const fromBucket = await vmfr([...command, "--store", store, ...VM, ...args], environment);
    expect({ code: fromBucket.code, stderr: fromBucket.stderr }).toEqual({ code: 0, stderr: "" });
    const fromDirectory = await vmfr([...command, ...example, ...args]);
    expect(fromBucket.stdout.equals(fromDirectory.stdout)).toBe(true);
  },
);

test("discover over S3 finds the same backups", async () => {
  const { code, stdout } = await vmfr(["discover", "--store", store, ...VM, "--json"], environment);
  expect(code).toBe(0);
  const { validBackups } = JSON.parse(stdout.toString());
  expect(validBackups.map(({ name }: { name: string }) => name)).toEqual([
    "web-1-2026-11-18",
    "web-1-2026-11-17",
    "web-1-2026-11-16",
  ]);
});

test("an unknown authority, wrong keys and a missing bucket are each told apart, without the secret", async () => {
  const withoutCa = await vmfr(["discover", "--store", store.replace(/&caFile=.*/, ""), ...VM], environment);
  expect(withoutCa.code).toBe(6);
  expect(withoutCa.stderr).toMatch(/certificate/i);

  const wrongKey = await vmfr(["discover", "--store", store, ...VM], {
    ...environment,
    AWS_SECRET_ACCESS_KEY: "very-wrong-secret",
  });
  expect(wrongKey.code).not.toBe(0);
  expect(wrongKey.stderr).toMatch(/credential|denied|signature|key/i);
  expect(wrongKey.stderr).not.toContain("very-wrong-secret");

  const noBucket = await vmfr(
    ["discover", "--store", store.replace("s3://backups", "s3://nothing"), ...VM],
    environment,
  );
  expect(noBucket.code).not.toBe(0);
  expect(noBucket.stderr).toMatch(/nothing/);
});
