/** The Backup resource in `velero-backup.json` (velero: pkg/apis/velero/v1/backup_types.go). */
import { z } from "zod";
import { list, optional, stringMap } from "./backup-object-reader.ts";

export interface Backup {
  readonly name: string;
  /** Velero's own namespace. */
  readonly namespace: string;
  readonly uid?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt?: Date;
  readonly completedAt?: Date;
  /** `Completed`, `PartiallyFailed`, …; empty when Velero has not set one. */
  readonly phase: string;
  readonly includedNamespaces: readonly string[];
  readonly excludedNamespaces: readonly string[];
  readonly snapshotMoveData: boolean;
  readonly operations: AsyncOperations;
  readonly hooks: { readonly attempted: number; readonly failed: number };
}

/** Uploads and other work that Velero finishes after the resources have been collected. */
export interface AsyncOperations {
  readonly attempted: number;
  readonly completed: number;
  readonly failed: number;
}

const count = z
  .number()
  .int()
  .min(0)
  .nullish()
  .transform((value) => value ?? 0);
const flag = z
  .boolean()
  .nullish()
  .transform((value) => value ?? false);
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? "");

/** RFC 3339 as Go writes it. */
const time = z
  .string()
  .nullish()
  .transform((value, context) => {
    if (value === undefined || value === null || value === "") return undefined;
    const date = new Date(value);
    if (!Number.isNaN(date.getTime())) return date;
    context.addIssue(`${JSON.stringify(value.slice(0, 40))} is not a time`);
    return z.NEVER;
  });

const specification = z.object({
  includedNamespaces: list(z.string()),
  excludedNamespaces: list(z.string()),
  snapshotMoveData: flag,
});

const status = z.object({
  phase: text,
  completionTimestamp: time,
  backupItemOperationsAttempted: count,
  backupItemOperationsCompleted: count,
  backupItemOperationsFailed: count,
  hookStatus: optional(z.object({ hooksAttempted: count, hooksFailed: count })),
});

const backupResource = z.object({
  kind: z.literal("Backup"),
  metadata: z.object({
    name: z.string(),
    namespace: text,
    uid: optional(z.string()),
    labels: stringMap,
    creationTimestamp: time,
  }),
  spec: specification.nullish().transform((value) => value ?? specification.parse({})),
  status: status.nullish().transform((value) => value ?? status.parse({})),
});

export const backupSchema = backupResource.transform(({ metadata, spec, status }): Backup => {
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    ...(metadata.uid === undefined ? {} : { uid: metadata.uid }),
    labels: metadata.labels,
    ...(metadata.creationTimestamp === undefined ? {} : { createdAt: metadata.creationTimestamp }),
    ...(status.completionTimestamp === undefined ? {} : { completedAt: status.completionTimestamp }),
    phase: status.phase,
    includedNamespaces: spec.includedNamespaces,
    excludedNamespaces: spec.excludedNamespaces,
    snapshotMoveData: spec.snapshotMoveData,
    operations: {
      attempted: status.backupItemOperationsAttempted,
      completed: status.backupItemOperationsCompleted,
      failed: status.backupItemOperationsFailed,
    },
    hooks: { attempted: status.hookStatus?.hooksAttempted ?? 0, failed: status.hookStatus?.hooksFailed ?? 0 },
  };
});

/** When the backup's data was complete; for one still running, when it was created. */
export function backupTime(backup: Backup): Date | undefined {
  return backup.completedAt ?? backup.createdAt;
}
