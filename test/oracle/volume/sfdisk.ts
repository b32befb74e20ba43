/** What sfdisk makes of a partition table. */
import { execFileSync } from "node:child_process";
import type { Partition, PartitionScheme } from "../../../src/disk/disk.ts";

export function runText(command: string, args: readonly string[], input = ""): string {
  return execFileSync(command, args, { encoding: "utf8", input, stdio: ["pipe", "pipe", "pipe"] });
}

/** sfdisk takes a file to have sectors of 512 bytes; a loop device shows it with others. */
export function sfdisk(file: string, sectorSize: number, args: readonly string[], input = ""): string {
  if (sectorSize === 512) return runText("sfdisk", [...args, file], input);
  const device = runText("losetup", ["--find", "--show", "--sector-size", String(sectorSize), file]).trim();
  try {
    return runText("sfdisk", [...args, device], input);
  } finally {
    runText("losetup", ["--detach", device]);
  }
}

interface SfdiskTable {
  readonly label: string;
  readonly id: string;
  readonly partitions?: readonly {
    readonly node: string;
    readonly start: number;
    readonly size: number;
    readonly type: string;
    readonly uuid?: string;
    readonly name?: string;
  }[];
}

export interface SfdiskView {
  readonly scheme: PartitionScheme;
  readonly partitions: readonly Partition[];
}

/** Numbers, places, types, names and UUIDs. @throws when sfdisk finds no table */
export function sfdiskView(file: string, sectorSize = 512): SfdiskView {
  const printed = sfdisk(file, sectorSize, ["--json"]);
  // Of an empty logical partition it says in front that it is omitted.
  const table = (JSON.parse(printed.slice(printed.indexOf("{"))) as { partitiontable: SfdiskTable }).partitiontable;
  const isMbr = table.label === "dos";
  const signature = table.id.replace("0x", "");
  // A primary partition of no size is listed; Linux makes no device of it, and nothing is in it.
  const listed = (table.partitions ?? []).filter(({ size }) => size > 0);
  const partitions = listed.map(({ node, start, size, type, uuid, name }) => {
    const number = Number(/\d+$/.exec(node)?.[0]);
    const made = `${signature}-${number.toString(16).padStart(2, "0")}`;
    // A disk without a signature has partitions without identifiers, as blkid shows; sfdisk shows zeros.
    const identifier = uuid?.toLowerCase() ?? (Number.parseInt(signature, 16) === 0 ? undefined : made);
    return {
      number,
      offset: start * sectorSize,
      // sfdisk shows an extended partition with its full size, as the table does.
      size: size * sectorSize,
      type: isMbr ? `0x${type.padStart(2, "0")}` : type.toLowerCase(),
      ...(name === undefined ? {} : { name }),
      ...(identifier === undefined ? {} : { uuid: identifier }),
    };
  });
  return { scheme: isMbr ? "mbr" : "gpt", partitions };
}
