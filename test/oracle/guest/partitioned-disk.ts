/** Disks with a partition table, made with sfdisk. */
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";

const MIB = 1024 * 1024;

/** Runs a tool of the system; what it prints. */
export function tool(command: string, parameters: readonly string[], input = ""): string {
  return execFileSync(command, [...parameters], {
    input,
    encoding: "utf8",
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, LC_ALL: "C.UTF-8", PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
  });
}

export interface DiskPartition {
  readonly name: string;
  /** MiB. */
  readonly size: number;
  /** As sfdisk takes it. */
  readonly type: string;
}

export interface PlacedPartition extends DiskPartition {
  /** Bytes. */
  readonly offset: number;
  /** GPT only. */
  readonly uuid: string | undefined;
  /** An empty file of the partition's size, for its file system. */
  readonly file: string;
}

export interface PartitionedDisk {
  readonly image: string;
  readonly partitions: readonly PlacedPartition[];
  /** Copies the partitions' files to their places; done last. */
  assemble(): void;
}

/** @param label `dos` or `gpt` @param id disk signature (`0x…`) or GUID */
export function partitionDisk(
  directory: string,
  label: string,
  id: string,
  partitions: readonly DiskPartition[],
): PartitionedDisk {
  const image = emptyFile(path.join(directory, "disk.img"), 2 + partitions.reduce((sum, { size }) => sum + size, 0));
  const lines = partitions.map(({ size, type }) => `size=${size}M, type=${type}`);
  tool("sfdisk", ["-q", image], `label: ${label}\nlabel-id: ${id}\n${lines.join("\n")}\n`);
  const table = JSON.parse(tool("sfdisk", ["--json", image])) as {
    partitiontable: { partitions: { start: number; uuid?: string }[] };
  };
  const placed = partitions.map((partition, index): PlacedPartition => {
    const { start = 0, uuid } = table.partitiontable.partitions[index] ?? {};
    const file = emptyFile(path.join(directory, partition.name), partition.size);
    return { ...partition, offset: start * 512, uuid: uuid?.toLowerCase(), file };
  });
  return {
    image,
    partitions: placed,
    assemble() {
      const descriptor = openSync(image, "r+");
      for (const { file, offset } of placed) writeSync(descriptor, readFileSync(file), 0, undefined, offset);
      closeSync(descriptor);
    },
  };
}

function emptyFile(file: string, size: number): string {
  writeFileSync(file, "");
  truncateSync(file, size * MIB);
  return file;
}
