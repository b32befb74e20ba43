/** What one file-serving pod serves: written by the operator into a ConfigMap, read by the pod's containers. */
import { z } from "zod";
import { ConfigError } from "../../errors.ts";

const attachedDisk = z.strictObject({
  /** Name of the PVC that was backed up. */
  name: z.string().min(1),
  /** `Block`: a device; `Filesystem`: a directory that holds the disk image. */
  volumeMode: z.enum(["Block", "Filesystem"]),
  /** Absolute path in the pod. */
  path: z.string().startsWith("/"),
});

const missingDisk = z.strictObject({
  name: z.string().min(1),
  /** A sentence for the user: why there is nothing to open. */
  unavailable: z.string().min(1),
});

const plannedBackup = z.strictObject({
  name: z.string().min(1),
  /** RFC 3339. */
  completedAt: z.iso.datetime().optional(),
  /** Absent: the disks are read straight from a bucket. */
  disks: z.array(z.union([attachedDisk, missingDisk])).optional(),
  /** Of `stores`, where there are no `disks`. */
  store: z.string().optional(),
});

const store = z.strictObject({
  /** Of the BackupStorageLocation. */
  name: z.string().min(1),
  /** As `--store` takes it. */
  url: z.string().min(1),
});

const servingPlan = z.strictObject({
  vm: z.strictObject({ namespace: z.string().min(1), name: z.string().min(1) }),
  backups: z.array(plannedBackup).min(1),
  stores: z.array(store).optional(),
  /** RFC 3339; shown to users. The operator is who ends the restore. */
  expiresAt: z.iso.datetime().optional(),
});

export type PlannedStore = z.infer<typeof store>;
export type PlannedBackup = z.infer<typeof plannedBackup>;
export type ServingPlan = z.infer<typeof servingPlan>;

/** @throws ConfigError naming the first thing that is wrong. */
export function parseServingPlan(text: string): ServingPlan {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new ConfigError("the serving plan is not JSON", { cause });
  }
  const parsed = servingPlan.safeParse(json);
  if (!parsed.success) throw new ConfigError(`the serving plan is not valid: ${z.prettifyError(parsed.error)}`);
  const plan = parsed.data;
  const names = (plan.stores ?? []).map(({ name }) => name);
  const homeless = plan.backups.find((backup) => backup.disks === undefined && !names.includes(backup.store ?? ""));
  if (homeless !== undefined) {
    throw new ConfigError(
      `the serving plan reads ${homeless.name} from a bucket but does not say where it is (stores)`,
    );
  }
  return plan;
}
