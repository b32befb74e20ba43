import { joinDisks } from "../../restore-tree/joined-disks.ts";
import type { TreeBackup } from "../../restore-tree/tree-backup.ts";
import type { CommandContext } from "../context.ts";
import { describeDisk, diskFacts } from "../disk-description.ts";
import { allDisks, type NamedDisk, selectDisk } from "../disk-selection.ts";
import { inspectGuest } from "../inspected-guest.ts";
import { localBackup } from "../local-disks.ts";
import { openKeyRing } from "../passphrases.ts";
import { forEachReported } from "../report.ts";
import { openSource, type Source } from "../source.ts";
import { nameOfFile, type SourceOptions } from "../source-options.ts";

export interface InspectOptions extends SourceOptions {
  readonly json?: true;
}

/** DISK is a file of one virtual machine, or with `--store` a disk of a backup; without DISK, all there are. */
export async function inspect(
  context: CommandContext,
  names: readonly string[],
  options: InspectOptions,
): Promise<number> {
  if (options.store === undefined && options.disk.length === 0 && names.length > 0) {
    return inspectFiles(context, names, options);
  }
  const source = await openSource(context, options);
  try {
    const joined = joinBackups(source);
    const disks =
      names.length === 0 ? allDisks(joined) : names.map((name) => ({ name, disk: selectDisk(joined, name) }));
    return await describeAll(context, disks, joined.backups, options);
  } finally {
    await source.close();
  }
}

async function inspectFiles(
  context: CommandContext,
  files: readonly string[],
  options: InspectOptions,
): Promise<number> {
  const keys = await openKeyRing(context, options);
  try {
    const backup = localBackup(files.map((file) => ({ name: nameOfFile(file), file, backing: [] })));
    const joined = { ...backup, disks: joinDisks(backup.disks, keys) };
    const disks = joined.disks.map((disk, index) => ({ name: files[index] ?? disk.name, disk }));
    return await describeAll(context, disks, [joined], options);
  } finally {
    keys?.forget();
  }
}

/** The disks of each backup as the tree has them: what lies over several of them is put together. */
function joinBackups({ backups, layout, keys }: Source): Pick<Source, "backups" | "layout"> {
  return { layout, backups: backups.map((backup) => ({ ...backup, disks: joinDisks(backup.disks, keys) })) };
}

async function describeAll(
  context: CommandContext,
  disks: readonly NamedDisk[],
  backups: readonly TreeBackup[],
  options: InspectOptions,
): Promise<number> {
  const facts: Record<string, unknown>[] = [];
  const code = await forEachReported(context, disks, async ({ name, disk: treeDisk }) => {
    if (treeDisk.unavailable !== undefined) {
      if (options.json) facts.push({ name, unavailable: treeDisk.unavailable });
      else context.stdout.write(`${name}\n  not readable: ${treeDisk.unavailable}\n`);
      return;
    }
    const machine = backups.find((backup) => backup.disks.includes(treeDisk))?.disks ?? [treeDisk];
    const disk = await treeDisk.open();
    try {
      const guest = await inspectGuest(disk, treeDisk, machine);
      if (options.json) facts.push(diskFacts(name, disk, guest));
      else context.stdout.write(describeDisk(name, disk, guest));
    } finally {
      await disk.close();
    }
  });
  if (options.json) context.stdout.write(`${JSON.stringify(facts, undefined, 2)}\n`);
  return code;
}
