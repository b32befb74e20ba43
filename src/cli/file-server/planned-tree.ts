import { findGuest } from "../../disk/guest/find-guest.ts";
import { ConfigError, SourceError } from "../../errors.ts";
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

/** @throws SourceError when the plan needs a bucket that cannot be read; ConfigError. */
export async function openPlannedTree(
  plan: ServingPlan,
  bucketDirectory: string = podLayout.bucket,
): Promise<PlannedTree> {
  const direct = plan.backups.filter(({ disks }) => disks === undefined);
  const bucket = direct.length === 0 ? undefined : await openBucket(plan, direct, bucketDirectory);
  const backups = plan.backups.map((backup) => treeBackup(plan, backup, bucket?.opened));
  const tree = createRestoreTree({ backups, layout: "backups", findGuest });
  return {
    tree,
    async close() {
      await tree.close();
      await bucket?.close();
    },
  };
}

function treeBackup({ vm }: ServingPlan, planned: PlannedBackup, bucket: BucketBackups | undefined): TreeBackup {
  const { name, completedAt, disks } = planned;
  if (disks !== undefined) {
    const dated = completedAt === undefined ? {} : { completedAt: new Date(completedAt) };
    return attachedBackup({ name, vm, ...dated, disks }, decompressZstd);
  }
  const found = bucket?.backups.find((backup) => backup.name === name);
  if (found !== undefined) return found;
  const invalid = bucket?.discovery.invalidBackups.find((backup) => backup.name === name);
  const reason = invalid?.reason ?? "the backup is no longer in the bucket";
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

async function openBucket(plan: ServingPlan, direct: readonly PlannedBackup[], directory: string) {
  if (plan.storeUrl === undefined) throw new ConfigError("the serving plan does not say where the bucket is");
  const password = await new SecretDirectory(directory).optional(bucketAccessKeys.repositoryPassword);
  const store = await openObjectStore(plan.storeUrl);
  try {
    const bucket = await openBucketBackups({
      store,
      vm: plan.vm,
      backups: direct.map(({ name }) => name),
      // The operator has judged them; here only what can be read counts.
      includePartiallyFailed: true,
      repositoryPassword: password?.trim() ?? DEFAULT_REPOSITORY_PASSWORD,
    });
    const close = async (): Promise<void> => {
      await bucket.close();
      await store.close();
    };
    return { opened: bucket, close };
  } catch (error) {
    await store.close();
    throw error;
  }
}
