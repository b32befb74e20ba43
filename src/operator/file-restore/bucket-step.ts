/** For disks that are read straight from the bucket: a Secret with exactly what reading takes. */
import { ConfigError } from "../../errors.ts";
import { type Secret, secrets } from "../../kube/resources.ts";
import type { S3Options } from "../../object-store/s3-options.ts";
import { bucketAccessKeys } from "../file-serving/bucket-access.ts";
import { podLayout } from "../file-serving/pod-layout.ts";
import { s3OptionsOf } from "../velero/contents/storage-location.ts";
import { backupStorageLocations } from "../velero/velero-resources.ts";
import { childNames } from "./child-names.ts";
import { type ChildClient, ensureApplied } from "./ensure.ts";
import { childLabels, type RestoreOwner } from "./owner.ts";
import { StepFailure } from "./step.ts";

export interface BucketAccess {
  readonly storeUrl: string;
  readonly secretName: string;
}

/** Velero's own, in its namespace. */
const REPOSITORY_SECRET = { name: "velero-repo-credentials", key: "repository-password" } as const;

/** @throws StepFailure when the bucket cannot be read with what the cluster has. */
export async function ensureBucketAccess(
  client: ChildClient,
  owner: RestoreOwner,
  namespace: string,
  storageLocations: readonly string[],
): Promise<BucketAccess> {
  const [name, ...others] = storageLocations;
  if (name === undefined || others.length > 0) {
    const all = storageLocations.join(", ");
    throw new StepFailure(
      "SeveralStorageLocations",
      `dataPath Direct reads one BackupStorageLocation, and the selected backups are in several: ${all}; ` +
        "select backups of one, or use dataPath Restore",
    );
  }
  const location = await client.find(backupStorageLocations, { namespace: owner.namespace, name });
  if (location === undefined) {
    throw new StepFailure("StorageLocationNotFound", `there is no BackupStorageLocation '${name}'`);
  }
  let options: S3Options;
  try {
    options = await s3OptionsOf(client, location);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new StepFailure("BucketNotReadable", error.message, { cause: error });
  }
  const secret = bucketSecret(owner, namespace, options, await repositoryPassword(client, owner.namespace));
  await ensureApplied(client, owner, secrets, secret);
  return { storeUrl: storeUrl(options), secretName: secret.metadata.name ?? "" };
}

async function repositoryPassword(client: ChildClient, namespace: string): Promise<string | undefined> {
  const secret = await client.find(secrets, { namespace, name: REPOSITORY_SECRET.name });
  const encoded = secret?.data?.[REPOSITORY_SECRET.key];
  return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString("utf8");
}

function bucketSecret(
  owner: RestoreOwner,
  namespace: string,
  { credentials, authority }: S3Options,
  password: string | undefined,
): Secret {
  const encode = (text: string): string => Buffer.from(text).toString("base64");
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "Opaque",
    metadata: { name: childNames.bucket(owner), namespace, labels: childLabels(owner) },
    data: {
      ...(credentials !== undefined && { [bucketAccessKeys.credentials]: encode(credentialsFile(credentials)) }),
      ...(password !== undefined && { [bucketAccessKeys.repositoryPassword]: encode(password) }),
      ...(authority !== undefined && { [bucketAccessKeys.authority]: encode(authority) }),
    },
  };
}

/** AWS shared credentials file. */
function credentialsFile({
  accessKeyId,
  secretAccessKey,
  sessionToken,
}: NonNullable<S3Options["credentials"]>): string {
  return [
    "[default]",
    `aws_access_key_id = ${accessKeyId}`,
    `aws_secret_access_key = ${secretAccessKey}`,
    ...(sessionToken === undefined ? [] : [`aws_session_token = ${sessionToken}`]),
    "",
  ].join("\n");
}

function storeUrl({
  bucket,
  prefix,
  region,
  endpoint,
  pathStyle,
  authority,
  insecureSkipTLSVerify,
}: S3Options): string {
  const url = new URL(`s3://${bucket}/${prefix.split("/").map(encodeURIComponent).join("/")}`);
  if (endpoint !== undefined) url.searchParams.set("endpoint", endpoint);
  if (region !== undefined) url.searchParams.set("region", region);
  if (pathStyle === true) url.searchParams.set("pathStyle", "true");
  if (authority !== undefined) url.searchParams.set("caFile", `${podLayout.bucket}/${bucketAccessKeys.authority}`);
  if (insecureSkipTLSVerify === true) url.searchParams.set("insecureSkipTLSVerify", "true");
  return url.href;
}
