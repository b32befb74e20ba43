import type { BackedUpVolume } from "../../velero/backed-up-vm.ts";
import { BackupCatalog } from "../../velero/backup-catalog.ts";
import { discoverBackups } from "../../velero/discovery.ts";
import type { BackupDiscovery } from "../../velero/discovery-result.ts";
import type { CommandContext } from "../context.ts";
import { NOTHING_FOUND } from "../exit-code.ts";
import { Progress } from "../progress.ts";
import { openStore, requireVm } from "../source.ts";
import type { SourceOptions } from "../source-options.ts";
import { formatTable } from "../table.ts";

export interface DiscoverOptions extends Omit<SourceOptions, "disk"> {
  readonly includePartiallyFailed?: true;
  readonly json?: true;
}

/** Exit code 0 when at least one backup contains the VM, else NOTHING_FOUND. */
export async function discover(context: CommandContext, _args: undefined, options: DiscoverOptions): Promise<number> {
  const vm = requireVm(options);
  const store = await openStore(options);
  const progress = new Progress(context, "Looking into backups", { unit: "items" });
  try {
    const found = await discoverBackups(
      new BackupCatalog(store),
      {
        vm,
        requestedBackups: options.backup,
        ...(options.from === undefined ? {} : { startTime: options.from }),
        ...(options.to === undefined ? {} : { endTime: options.to }),
        includePartiallyFailed: options.includePartiallyFailed ?? false,
      },
      { onProgress: ({ checked }) => progress.set(checked) },
    );
    progress.end();
    context.stdout.write(options.json ? `${JSON.stringify(found, undefined, 2)}\n` : describe(found));
    return found.validBackups.length > 0 ? 0 : NOTHING_FOUND;
  } finally {
    progress.end();
    await store.close();
  }
}

function describe({ validBackups, invalidBackups, conditions }: BackupDiscovery): string {
  const rows = [
    ...validBackups.map(({ name, createdAt, volumes }) => [name, createdAt ?? "", "yes", summary(volumes ?? [])]),
    ...invalidBackups.map(({ name, createdAt, reason }) => [name, createdAt ?? "", "no", reason]),
  ];
  const table = formatTable(
    [{ title: "BACKUP" }, { title: "COMPLETED" }, { title: "VALID" }, { title: "DISKS, OR WHY NOT" }],
    rows,
  );
  return `${rows.length === 0 ? "" : table}${conditions.map(({ message }) => `${message}.\n`).join("")}`;
}

function summary(volumes: readonly BackedUpVolume[]): string {
  return volumes
    .map(({ pvcName, location }) =>
      location.kind === "kopia" ? pvcName : `${pvcName} (not readable: ${location.reason})`,
    )
    .join(", ");
}
