import { readFile } from "node:fs/promises";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { rootCertificates } from "node:tls";
import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import { ConfigError } from "../errors.ts";
import type { S3Options } from "./s3-options.ts";

const MAX_CONNECTIONS = 64;
const CONNECT_TIMEOUT_MS = 10_000;

/** Of silence, not of the whole answer. */
const IDLE_TIMEOUT_MS = 60_000;

/** Any region satisfies a store that is not Amazon's; the signature needs one. */
const REGION_OF_OTHER_STORES = "us-east-1";

/**
 * A client of the AWS SDK, which is loaded here: it takes a fifth of a second that only buckets should cost.
 * @throws ConfigError when the CA file cannot be read.
 */
export async function createS3Client(options: S3Options): Promise<S3Client> {
  const { S3Client } = await import("@aws-sdk/client-s3");
  const { region, endpoint, pathStyle, profile, credentials } = options;
  const config: S3ClientConfig = {
    // Retries are the retrying store's business, which also covers answers that break off.
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: IDLE_TIMEOUT_MS,
      httpAgent: new HttpAgent({ keepAlive: true, maxSockets: MAX_CONNECTIONS }),
      httpsAgent: await createHttpsAgent(options),
    },
    // Stores that are not Amazon's reject the SDK's newer checksum headers.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    ...(region !== undefined ? { region } : endpoint !== undefined ? { region: REGION_OF_OTHER_STORES } : {}),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(pathStyle === undefined ? {} : { forcePathStyle: pathStyle }),
    ...(profile === undefined ? {} : { profile }),
    ...(credentials === undefined ? {} : { credentials }),
  };
  return new S3Client(config);
}

async function createHttpsAgent({ caFile, authority, insecureSkipTLSVerify }: S3Options): Promise<HttpsAgent> {
  const trusted = authority === undefined ? undefined : [...rootCertificates, authority];
  const ca = caFile === undefined ? trusted : await readCertificateAuthorities(caFile);
  return new HttpsAgent({
    keepAlive: true,
    maxSockets: MAX_CONNECTIONS,
    minVersion: "TLSv1.2",
    rejectUnauthorized: insecureSkipTLSVerify !== true,
    ...(ca === undefined ? {} : { ca }),
  });
}

async function readCertificateAuthorities(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new ConfigError(`CA file ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`, {
      cause: error,
    });
  }
}
