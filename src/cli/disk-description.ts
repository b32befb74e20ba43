/** What `inspect` says about a disk and the guest on it. */
import type { Disk, Volume } from "../disk/disk.ts";
import type { OperatingSystem } from "../disk/guest/operating-system.ts";
import { formatBytes } from "./human.ts";
import type { InspectedGuest, InspectedMount } from "./inspected-guest.ts";

/** For `--json`. */
export function diskFacts(
  name: string,
  { image, table, volumes }: Disk,
  { operatingSystem, notes, mounts }: InspectedGuest,
): Record<string, unknown> {
  return {
    name,
    image,
    ...(operatingSystem === undefined ? {} : { operatingSystem }),
    ...(notes.length === 0 ? {} : { notes }),
    ...(mounts.length === 0 ? {} : { mounts }),
    partitionTable: { scheme: table.scheme, sectorSize: table.sectorSize, warnings: table.warnings },
    volumes: volumes.map(({ name: volume, partition, source, content }) => ({
      name: volume,
      size: source.size,
      ...(partition === undefined ? {} : { partition }),
      ...(content.kind === "file-system" ? { fileSystem: content.fileSystem.info() } : content),
    })),
  };
}

/** For people. */
export function describeDisk(name: string, { image, table, volumes }: Disk, guest: InspectedGuest): string {
  const { operatingSystem, notes, mounts } = guest;
  const width = Math.max(...mounts.map(({ path }) => path.length));
  const lines = [
    name,
    ...(operatingSystem === undefined ? [] : [`  system     ${describeSystem(operatingSystem)}`]),
    `  image      ${[image.format, formatBytes(image.virtualSize), ...image.features].join(", ")}`,
    ...image.snapshots.map(({ id, name: snapshot }) => `  snapshot   ${id} ${snapshot} (inside the image; not read)`),
    `  partitions ${table.scheme === "none" ? "none: the whole disk is one volume" : `${table.scheme}, ${table.sectorSize}-byte sectors`}`,
    ...[...image.warnings, ...table.warnings, ...notes].map((warning) => `  warning    ${warning}`),
    ...mounts.map((mount) => `  mount      ${mount.path.padEnd(width)}  ${describePlace(mount)}`),
    ...volumes.flatMap(describeVolume),
  ];
  return `${lines.join("\n")}\n`;
}

function describePlace({ volume, disk }: InspectedMount): string {
  return disk === undefined ? volume : `${volume} on ${disk}`;
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
