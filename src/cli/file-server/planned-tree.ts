import { findGuest } from "../../disk/guest/find-guest.ts";
import { SourceError } from "../../errors.ts";
import { openObjectStore } from "../../object-store/open-object-store.ts";
import { bucketAccessKeys } from "../../operator/file-serving/bucket-access.ts";
import { podLayout } from "../../operator/file-serving/pod-layout.ts";
import type { PlannedBackup, ServingPlan } from "../../operator/file-serving/serving-plan.ts";
import { attachedBackup } from "../../restore-tree/attached-backups.ts";
import { type BucketBackups, openBucketBackups } from "../../restore-tree/bucket-backups.ts";
import { createRestoreTree } from "../../restore-tree/restore-tree.ts";
import type { TreeBackup } from "../../restore-tree/tree-backup.ts";
import type { RestoreTree } from "../../restore-tree/tree-node.ts";
import { DEFAULT_REPOSITORY_PASSWORD } from "../../velero/repository-password.ts";
import { decompressZstd } from "../zstd.ts";
import { SecretDirectory } from "./secret-directory.ts";

export interface PlannedTree {
  readonly tree: RestoreTree;
  close(): Promise<void>;
}

/**
 * A bucket that cannot be read is the reason of its own backups alone.
 * @throws SourceError when not one backup can be had; ConfigError.
 */
export async function openPlannedTree(
  plan: ServingPlan,
  bucketDirectory: string = podLayout.bucket,
): Promise<PlannedTree> {
  const direct = plan.backups.filter(({ disks }) => disks === undefined);
  const stores = (plan.stores ?? []).filter(({ name }) => direct.some((backup) => backup.store === name));
  const password = await new SecretDirectory(bucketDirectory).optional(bucketAccessKeys.repositoryPassword);
  const opened = new Map<string, OpenedStore>();
  for (const { name, url } of stores) {
    const names = direct.filter((backup) => backup.store === name).map((backup) => backup.name);
    opened.set(name, await tryToOpen(url, { vm: plan.vm, backups: names, password }));
  }
  const failures = [...opened.values()].flatMap(({ failure }) => failure ?? []);
  const isNothingLeft = direct.length === plan.backups.length && failures.length === opened.size;
  if (isNothingLeft && failures[0] !== undefined) throw failures[0];
  const backups = plan.backups.map((backup) => treeBackup(plan, backup, opened.get(backup.store ?? "")));
  const tree = createRestoreTree({ backups, layout: "backups", findGuest });
  return {
    tree,
    async close() {
      await tree.close();
      for (const { bucket } of opened.values()) await bucket?.close();
    },
  };
}

/** One of both. */
interface OpenedStore {
  readonly bucket?: BucketBackups;
  readonly failure?: SourceError;
}

function treeBackup({ vm }: ServingPlan, planned: PlannedBackup, store: OpenedStore | undefined): TreeBackup {
  const { name, completedAt, disks } = planned;
  if (disks !== undefined) {
    const dated = completedAt === undefined ? {} : { completedAt: new Date(completedAt) };
    return attachedBackup({ name, vm, ...dated, disks }, decompressZstd);
  }
  const { bucket, failure } = store ?? {};
  const found = bucket?.backups.find((backup) => backup.name === name);
  if (found !== undefined) return found;
  const invalid = bucket?.discovery.invalidBackups.find((backup) => backup.name === name);
  const reason = failure?.message ?? invalid?.reason ?? "the backup is no longer in the bucket";
  // An empty directory under the backup's name says more than no directory at all.
  return {
    name,
    vm,
    disks: [
      {
        name: "backup",
        unavailable: reason,
        open: () => Promise.reject(new SourceError(reason, { retryable: false })),
      },
    ],
  };
}

interface WantedBackups {
  readonly vm: ServingPlan["vm"];
  readonly backups: readonly string[];
  readonly password: string | undefined;
}

async function tryToOpen(url: string, wanted: WantedBackups): Promise<OpenedStore> {
  try {
    return { bucket: await openBucket(url, wanted) };
  } catch (failure) {
    if (!(failure instanceof SourceError)) throw failure;
    return { failure };
  }
}

async function openBucket(url: string, { vm, backups, password }: WantedBackups): Promise<BucketBackups> {
  const store = await openObjectStore(url);
  try {
    const bucket = await openBucketBackups({
      store,
      vm,
      backups,
      // The operator has judged them; here only what can be read counts.
      includePartiallyFailed: true,
      repositoryPassword: password?.trim() ?? DEFAULT_REPOSITORY_PASSWORD,
    });
    const close = async (): Promise<void> => {
      await bucket.close();
      await store.close();
    };
    return { ...bucket, close };
  } catch (error) {
    await store.close();
    throw error;
  }
}
