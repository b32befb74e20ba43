/** For disks that are read straight from buckets: a Secret with exactly what reading takes. */
import { ConfigError, describeError, UnsupportedFeatureError } from "../../errors.ts";
import { type Secret, secrets } from "../../kube/resources.ts";
import type { S3Options } from "../../object-store/s3-options.ts";
import { type PvcBackupRestore, type PvcRestore, pvcStates } from "../api/v1alpha1/pvc-restore.ts";
import { bucketAccessKeys } from "../file-serving/bucket-access.ts";
import { podLayout } from "../file-serving/pod-layout.ts";
import type { PlannedStore } from "../file-serving/serving-plan.ts";
import { s3OptionsOf } from "../velero/contents/storage-location.ts";
import { backupStorageLocations } from "../velero/velero-resources.ts";
import { childNames } from "./child-names.ts";
import { type ChildClient, ensureApplied } from "./ensure.ts";
import { childLabels, type RestoreOwner } from "./owner.ts";

export interface BucketAccess {
  readonly stores: readonly PlannedStore[];
  /** Undefined when nothing is read from a bucket. */
  readonly secretName?: string;
  /** Why a location's bucket cannot be read with what the cluster has, by the location's name. */
  readonly obstacles: ReadonlyMap<string, string>;
}

/** Velero's own, in its namespace. */
const REPOSITORY_SECRET = { name: "velero-repo-credentials", key: "repository-password" } as const;

/** One Secret for the buckets of all these locations; one that cannot be read is no obstacle to the others. */
export async function ensureBucketAccess(
  client: ChildClient,
  owner: RestoreOwner,
  namespace: string,
  storageLocations: readonly string[],
): Promise<BucketAccess> {
  const buckets = new Map<string, S3Options>();
  const obstacles = new Map<string, string>();
  for (const name of storageLocations) {
    const location = await client.find(backupStorageLocations, { namespace: owner.namespace, name });
    try {
      if (location === undefined) throw new ConfigError(`there is no BackupStorageLocation ${name}`);
      buckets.set(name, await s3OptionsOf(client, location));
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof UnsupportedFeatureError)) throw error;
      obstacles.set(name, describeError(error));
    }
  }
  if (buckets.size === 0) return { stores: [], obstacles };
  const secret = bucketSecret(owner, namespace, buckets, await repositoryPassword(client, owner.namespace));
  await ensureApplied(client, owner, secrets, secret);
  const stores = [...buckets].map(([name, options]) => ({ name, url: storeUrl(name, options) }));
  return { stores, secretName: secret.metadata.name ?? "", obstacles };
}

/** Begins the reason of what may be read as soon as its location can. */
const NOT_READABLE = "StorageLocationNotReadable: ";

/** Writes into the entries of disks that are read from buckets whether their location lets them be. */
export function applyObstacles(plan: readonly PvcRestore[], { obstacles }: BucketAccess): PvcRestore[] {
  return plan.map((pvc) => ({
    ...pvc,
    restores: (pvc.restores ?? []).map((entry): PvcBackupRestore => {
      const { failureReason, ...known } = entry;
      if (!isReadFromBucket(entry)) return entry;
      const obstacle = obstacles.get(entry.storageLocation ?? "");
      if (obstacle !== undefined) {
        return { ...known, state: pvcStates.failed, failureReason: `${NOT_READABLE}${obstacle}`.slice(0, 1024) };
      }
      return failureReason?.startsWith(NOT_READABLE) === true ? { ...known, state: pvcStates.processing } : entry;
    }),
  }));
}

/** False for what cannot be had from there, whatever becomes of the bucket. */
function isReadFromBucket({ dataPath, state, failureReason = "" }: PvcBackupRestore): boolean {
  const isOpen = state === pvcStates.processing || state === pvcStates.available;
  return dataPath === "Direct" && (isOpen || failureReason.startsWith(NOT_READABLE));
}

/** Names of the BackupStorageLocations from which disks are read, each once. */
export function locationsOf(plan: readonly PvcRestore[]): string[] {
  const entries = plan.flatMap(({ restores = [] }) => restores).filter(isReadFromBucket);
  return [...new Set(entries.flatMap(({ storageLocation }) => storageLocation ?? []))].sort();
}

async function repositoryPassword(client: ChildClient, namespace: string): Promise<string | undefined> {
  const secret = await client.find(secrets, { namespace, name: REPOSITORY_SECRET.name });
  const encoded = secret?.data?.[REPOSITORY_SECRET.key];
  return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString("utf8");
}

function bucketSecret(
  owner: RestoreOwner,
  namespace: string,
  buckets: ReadonlyMap<string, S3Options>,
  password: string | undefined,
): Secret {
  const encode = (text: string): string => Buffer.from(text).toString("base64");
  const profiles = [...buckets].map(([name, { credentials }]) => profile(name, credentials)).filter(Boolean);
  const authorities = [...buckets].flatMap(([name, { authority }]) =>
    authority === undefined ? [] : [[bucketAccessKeys.authority(name), encode(authority)]],
  );
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "Opaque",
    metadata: { name: childNames.bucket(owner), namespace, labels: childLabels(owner) },
    data: {
      ...(profiles.length > 0 && { [bucketAccessKeys.credentials]: encode(profiles.join("\n")) }),
      ...(password !== undefined && { [bucketAccessKeys.repositoryPassword]: encode(password) }),
      ...Object.fromEntries(authorities),
    },
  };
}

/** Of an AWS shared credentials file. */
function profile(name: string, credentials: S3Options["credentials"]): string {
  if (credentials === undefined) return "";
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  return [
    `[${name}]`,
    `aws_access_key_id = ${accessKeyId}`,
    `aws_secret_access_key = ${secretAccessKey}`,
    ...(sessionToken === undefined ? [] : [`aws_session_token = ${sessionToken}`]),
    "",
  ].join("\n");
}

function storeUrl(
  name: string,
  { bucket, prefix, region, endpoint, pathStyle, credentials, authority, insecureSkipTLSVerify }: S3Options,
): string {
  const url = new URL(`s3://${bucket}/${prefix.split("/").map(encodeURIComponent).join("/")}`);
  if (endpoint !== undefined) url.searchParams.set("endpoint", endpoint);
  if (region !== undefined) url.searchParams.set("region", region);
  if (credentials !== undefined) url.searchParams.set("profile", name);
  if (pathStyle === true) url.searchParams.set("pathStyle", "true");
  if (authority !== undefined)
    url.searchParams.set("caFile", `${podLayout.bucket}/${bucketAccessKeys.authority(name)}`);
  if (insecureSkipTLSVerify === true) url.searchParams.set("insecureSkipTLSVerify", "true");
  return url.href;
}
