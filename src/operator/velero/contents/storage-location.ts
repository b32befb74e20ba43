/** A BackupStorageLocation as Velero's plugin for AWS reads it (velero-plugin-for-aws: backupstoragelocation.md). */
import { ConfigError, UnsupportedFeatureError } from "../../../errors.ts";
import type { KubeClient } from "../../../kube/kube-client.ts";
import { secrets } from "../../../kube/resources.ts";
import type { S3Options } from "../../../object-store/s3-options.ts";
import type { BackupStorageLocation, SecretKeySelector } from "../velero-resources.ts";
import { parseSharedCredentials } from "./shared-credentials.ts";
import type { BucketTrust } from "./signed-download.ts";

/** What Velero is installed with, unless a location names a Secret of its own. */
const DEFAULT_CREDENTIAL: SecretKeySelector = { name: "cloud-credentials", key: "cloud" };

/** @throws ApiError when the Secret of the authority cannot be read */
export async function bucketTrustOf(
  client: Pick<KubeClient, "find">,
  location: BackupStorageLocation,
  signal?: AbortSignal,
): Promise<BucketTrust> {
  const { objectStorage, config } = location.spec;
  const { caCert, caCertRef } = objectStorage ?? {};
  const insecure = config?.["insecureSkipTLSVerify"] === "true";
  const authority =
    caCertRef === undefined
      ? caCert && decodeBase64(caCert)
      : await readSecretKey(client, location.metadata.namespace ?? "", caCertRef, signal);
  return { ...(authority ? { authority } : {}), ...(insecure ? { insecureSkipTLSVerify: true } : {}) };
}

/**
 * How to read the bucket directly, with the credentials Velero has.
 * @throws UnsupportedFeatureError for another kind of bucket; ConfigError without usable credentials; ApiError
 */
export async function s3OptionsOf(
  client: Pick<KubeClient, "find">,
  location: BackupStorageLocation,
  signal?: AbortSignal,
): Promise<S3Options> {
  const { provider, objectStorage, config = {}, credential = DEFAULT_CREDENTIAL } = location.spec;
  const name = `BackupStorageLocation ${location.metadata.name}`;
  if (provider.replace(/^velero\.io\//, "") !== "aws")
    throw new UnsupportedFeatureError(name, [`provider ${provider}`]);
  if (objectStorage === undefined) throw new ConfigError(`${name} names no bucket`);
  const file = await readSecretKey(client, location.metadata.namespace ?? "", credential, signal);
  const credentials = file && parseSharedCredentials(file, config["profile"]);
  if (!credentials) throw new ConfigError(`${name}: its Secret holds no access key`);
  const folder = (objectStorage.prefix ?? "").replace(/^\/+|\/+$/g, "");
  const { region, s3Url, s3ForcePathStyle } = config;
  return {
    bucket: objectStorage.bucket,
    prefix: folder === "" ? "" : `${folder}/`,
    credentials,
    ...(region ? { region } : {}),
    ...(s3Url ? { endpoint: s3Url } : {}),
    ...(s3ForcePathStyle === "true" ? { pathStyle: true } : {}),
    ...(await bucketTrustOf(client, location, signal)),
  };
}

/** Undefined when there is no such Secret or key. */
async function readSecretKey(
  client: Pick<KubeClient, "find">,
  namespace: string,
  { name, key }: SecretKeySelector,
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (name === undefined || name === "") return undefined;
  const secret = await client.find(secrets, { namespace, name }, { signal });
  const value = secret?.data?.[key];
  return value === undefined ? undefined : decodeBase64(value);
}

function decodeBase64(text: string): string {
  return Buffer.from(text, "base64").toString("utf8");
}
