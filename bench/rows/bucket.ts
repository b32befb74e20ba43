/** Straight from a bucket: an S3 server on loopback that lets every request wait as a real one would. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type S3Server, startS3Server } from "../../test/setup/s3-server/s3-server.ts";
import { BENCH_VM, DISCOVERY_BACKUPS, hugeDiskBucket, thousandBackupsBucket } from "../fixtures/bucket.ts";
import { vmfrArguments } from "../program.ts";
import type { Measurement } from "../result.ts";
import type { Row, RowOptions } from "../row.ts";
import { median, time } from "../timing.ts";

const LATENCY_MS = 20;
const BUCKET = "backups";
const MIB = 1024 ** 2;

interface Fetched {
  readonly milliseconds: number;
  readonly requests: number;
  readonly bytes: number;
}

/** Runs vmfr on the bucket in `directory`, start-up of the process included. */
async function runOn(directory: string, args: readonly string[]): Promise<Fetched> {
  const server = await startS3Server({ directory, bucket: BUCKET, latencyMs: LATENCY_MS });
  try {
    const milliseconds = await time(() => vmfrOn(server, args));
    return { milliseconds, ...server.usage };
  } finally {
    await server.close();
  }
}

async function vmfrOn(server: S3Server, [command = "", ...rest]: readonly string[]): Promise<void> {
  const { accessKeyId, secretAccessKey } = server.credentials;
  const store = `s3://${server.bucket}?endpoint=${server.endpoint}&region=test-1&pathStyle=true`;
  const [program, ...args] = vmfrArguments(command, "--store", store, "--vm", BENCH_VM, ...rest);
  await promisify(execFile)(program, args, {
    maxBuffer: 64 * MIB,
    env: { ...process.env, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
  });
}

async function firstListing({ runs }: RowOptions): Promise<Measurement[]> {
  const directory = await hugeDiskBucket();
  const all: Fetched[] = [];
  for (let run = 0; run < runs; run++) all.push(await runOn(directory, ["ls", "/backups/huge/root"]));
  const seconds = median(all.map(({ milliseconds }) => milliseconds)) / 1000;
  const what = "100 GiB disk in a bucket, list /";
  return [
    { kind: "figure", what, value: seconds, unit: "s", atMost: 2 },
    { kind: "figure", what, value: median(all.map(({ requests }) => requests)), unit: "requests", atMost: 40 },
    { kind: "figure", what, value: median(all.map(({ bytes }) => bytes)) / MIB, unit: "MiB", atMost: 64 },
  ];
}

async function discovery(): Promise<Measurement[]> {
  const { milliseconds, requests } = await runOn(await thousandBackupsBucket(), ["discover", "--json"]);
  const what = `discovery over ${DISCOVERY_BACKUPS} backups`;
  return [
    { kind: "figure", what, value: milliseconds / 1000, unit: "s", atMost: 20 },
    { kind: "figure", what, value: requests / DISCOVERY_BACKUPS, unit: "requests a backup", atMost: 8 },
  ];
}

export const bucketRows: readonly Row[] = [
  { name: "first-listing", packages: ["e2fsprogs"], measure: firstListing },
  { name: "discovery", packages: [], measure: discovery },
];
