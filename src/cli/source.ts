import { readFile } from "node:fs/promises";
import type { KeyRing } from "../disk/volume/luks/key-ring.ts";
import { ConfigError } from "../errors.ts";
import type { TreeBackup } from "../restore-tree/tree-backup.ts";
import type { RestoreTree } from "../restore-tree/tree-node.ts";
import type { VmReference } from "../velero/backup-resources.ts";
import { DEFAULT_REPOSITORY_PASSWORD } from "../velero/repository-password.ts";
import type { CommandContext } from "./context.ts";
import { openKeyRing } from "./passphrases.ts";
import { Progress } from "./progress.ts";
import type { SourceOptions } from "./source-options.ts";

/** SOURCE, opened: what to serve and the tree over it. */
export interface Source {
  readonly tree: RestoreTree;
  readonly backups: readonly TreeBackup[];
  readonly layout: "backups" | "disks";
  /** For encrypted volumes. */
  readonly keys: KeyRing | undefined;
  close(): Promise<void>;
}

/** @throws ConfigError when the options do not say which backups or disks are meant. */
export async function openSource(context: CommandContext, options: SourceOptions): Promise<Source> {
  if (options.disk.length > 0) {
    if (options.store !== undefined) throw new ConfigError("--store and --disk exclude each other: give one of them");
    return openLocalSource(context, options);
  }
  return openBucketSource(context, options);
}

async function openLocalSource(context: CommandContext, options: SourceOptions): Promise<Source> {
  const [{ createRestoreTree }, { checkFiles, localBackup }, { findGuest }] = await Promise.all([
    import("../restore-tree/restore-tree.ts"),
    import("./local-disks.ts"),
    import("../disk/guest/find-guest.ts"),
  ]);
  await checkFiles(options.disk);
  const backups = [localBackup(options.disk)];
  const keys = await openKeyRing(context, options);
  const tree = createRestoreTree({ backups, layout: "disks", findGuest, ...(keys && { keys }) });
  const close = async (): Promise<void> => {
    await tree.close();
    keys?.forget();
  };
  return { tree, backups, layout: "disks", keys, close };
}

async function openBucketSource(context: CommandContext, options: SourceOptions): Promise<Source> {
  const [{ createRestoreTree }, { openBucketBackups }, { findGuest }] = await Promise.all([
    import("../restore-tree/restore-tree.ts"),
    import("../restore-tree/bucket-backups.ts"),
    import("../disk/guest/find-guest.ts"),
  ]);
  const keys = await openKeyRing(context, options);
  const store = await openStore(options);
  const progress = new Progress(context, "Reading backups", { unit: "items" });
  const bucket = await openBucketBackups({
    store,
    vm: requireVm(options),
    ...(options.backup.length > 0 ? { backups: options.backup } : {}),
    ...(options.from === undefined ? {} : { from: options.from }),
    ...(options.to === undefined ? {} : { to: options.to }),
    repositoryPassword: await repositoryPassword(context, options),
    onProgress: ({ checked }) => progress.set(checked),
  });
  progress.end();
  const tree = createRestoreTree({ backups: bucket.backups, layout: "backups", findGuest, ...(keys && { keys }) });
  const close = async (): Promise<void> => {
    await tree.close();
    await bucket.close();
    await store.close();
    keys?.forget();
  };
  return { tree, backups: bucket.backups, layout: "backups", keys, close };
}

export async function openStore(options: Pick<SourceOptions, "store">) {
  if (options.store === undefined) {
    throw new ConfigError("say where the backups are with --store URL, or which disk image with --disk FILE");
  }
  const { openObjectStore } = await import("../object-store/open-object-store.ts");
  return openObjectStore(options.store);
}

/** @throws ConfigError unless `--vm` is a namespace and a name. */
export function requireVm(options: Pick<SourceOptions, "vm">): VmReference {
  const [namespace, name, ...rest] = (options.vm ?? "").split("/");
  if (namespace === undefined || namespace === "" || name === undefined || name === "" || rest.length > 0) {
    throw new ConfigError("say which virtual machine with --vm NAMESPACE/NAME");
  }
  return { namespace, name };
}

async function repositoryPassword(context: CommandContext, options: SourceOptions): Promise<string> {
  const file = options.repoPasswordFile;
  if (file === undefined) return context.environment["VMFR_REPO_PASSWORD"] ?? DEFAULT_REPOSITORY_PASSWORD;
  try {
    // Velero trims it too, so a newline at the end of the file does no harm.
    return (await readFile(file, "utf8")).trim();
  } catch (cause) {
    throw new ConfigError(`--repo-password-file ${file} cannot be read`, { cause });
  }
}
