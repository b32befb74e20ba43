import type { Disk, Volume } from "../../disk/disk.ts";
import { findGuest, type Guest } from "../../disk/guest/find-guest.ts";
import { tolerating } from "../../disk/guest/guest-file.ts";
import type { OperatingSystem } from "../../disk/guest/operating-system.ts";
import type { CommandContext } from "../context.ts";
import { allDisks, type NamedDisk, selectDisk } from "../disk-selection.ts";
import { formatBytes } from "../human.ts";
import { localBackup } from "../local-disks.ts";
import { forEachReported } from "../report.ts";
import { openSource } from "../source.ts";
import { nameOfFile, type SourceOptions } from "../source-options.ts";

export interface InspectOptions extends SourceOptions {
  readonly json?: true;
}

/** DISK is a file, or with `--store` a disk of a backup; without DISK, all there are. */
export async function inspect(
  context: CommandContext,
  names: readonly string[],
  options: InspectOptions,
): Promise<number> {
  if (options.store === undefined && options.disk.length === 0) {
    const files = names.map((file) => ({ name: nameOfFile(file), file, backing: [] }));
    if (files.length > 0) {
      const disks = localBackup(files).disks.map((disk, index) => ({ name: names[index] ?? disk.name, disk }));
      return describeAll(context, disks, options);
    }
  }
  const source = await openSource(context, options);
  try {
    const disks =
      names.length === 0 ? allDisks(source) : names.map((name) => ({ name, disk: selectDisk(source, name) }));
    return await describeAll(context, disks, options);
  } finally {
    await source.close();
  }
}

async function describeAll(
  context: CommandContext,
  disks: readonly NamedDisk[],
  options: InspectOptions,
): Promise<number> {
  const facts: Record<string, unknown>[] = [];
  const code = await forEachReported(context, disks, async ({ name, disk: treeDisk }) => {
    if (treeDisk.unavailable !== undefined) {
      if (options.json) facts.push({ name, unavailable: treeDisk.unavailable });
      else context.stdout.write(`${name}\n  not readable: ${treeDisk.unavailable}\n`);
      return;
    }
    const disk = await treeDisk.open();
    try {
      // What cannot be told is left out: the volumes say themselves what is wrong with them.
      const guest = await tolerating(() => findGuest(disk));
      if (options.json) facts.push(factsOf(name, disk, guest));
      else context.stdout.write(describe(name, disk, guest));
    } finally {
      await disk.close();
    }
  });
  if (options.json) context.stdout.write(`${JSON.stringify(facts, undefined, 2)}\n`);
  return code;
}

function factsOf(
  name: string,
  { image, table, volumes }: Disk,
  { operatingSystem, notes = [] }: Partial<Guest> = {},
): Record<string, unknown> {
  return {
    name,
    image,
    ...(operatingSystem === undefined ? {} : { operatingSystem }),
    ...(notes.length === 0 ? {} : { notes }),
    partitionTable: { scheme: table.scheme, sectorSize: table.sectorSize, warnings: table.warnings },
    volumes: volumes.map(({ name: volume, partition, source, content }) => ({
      name: volume,
      size: source.size,
      ...(partition === undefined ? {} : { partition }),
      ...(content.kind === "file-system" ? { fileSystem: content.fileSystem.info() } : content),
    })),
  };
}

function describe(name: string, { image, table, volumes }: Disk, guest: Partial<Guest> = {}): string {
  const { operatingSystem, notes = [] } = guest;
  const lines = [
    name,
    ...(operatingSystem === undefined ? [] : [`  system     ${describeSystem(operatingSystem)}`]),
    `  image      ${[image.format, formatBytes(image.virtualSize), ...image.features].join(", ")}`,
    ...image.snapshots.map(({ id, name: snapshot }) => `  snapshot   ${id} ${snapshot} (inside the image; not read)`),
    `  partitions ${table.scheme === "none" ? "none: the whole disk is one volume" : `${table.scheme}, ${table.sectorSize}-byte sectors`}`,
    ...[...image.warnings, ...table.warnings, ...notes].map((warning) => `  warning    ${warning}`),
    ...volumes.flatMap(describeVolume),
  ];
  return `${lines.join("\n")}\n`;
}

function describeSystem({ name, version, hostName }: OperatingSystem): string {
  const facts = [name, ...(version === undefined || name.includes(version) ? [] : [version])];
  return hostName === undefined ? facts.join(", ") : `${facts.join(", ")}, host ${hostName}`;
}

function describeVolume({ name, partition, source, content }: Volume): string[] {
  const head = `  ${name}  ${formatBytes(source.size)}${partition?.name === undefined ? "" : `  "${partition.name}"`}`;
  if (content.kind === "no-files") return [head, `    ${content.what}`];
  if (content.kind === "unreadable") return [head, `    ${content.what}: ${content.reason}`];
  const info = content.fileSystem.info();
  const identity = [
    info.type,
    ...(info.label === undefined || info.label === "" ? [] : [`label ${info.label}`]),
    ...(info.uuid === undefined ? [] : [`uuid ${info.uuid}`]),
  ];
  return [
    head,
    `    ${identity.join(", ")}`,
    `    ${info.consistency.detail}`,
    `    ${info.features.join(" ")}`,
    ...info.warnings.map((warning) => `    warning: ${warning}`),
  ];
}
