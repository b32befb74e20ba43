import { createHash } from "node:crypto";
import { type AssembleOptions, assembleDisks } from "../../../src/disk/assemble-disks.ts";
import type { Disk, Volume } from "../../../src/disk/disk.ts";
import { openDisk } from "../../../src/disk/open-disk.ts";
import type { ByteSource } from "../../../src/source/byte-source.ts";
import { FileSource } from "../../../src/source/file-source.ts";
import { readChunks } from "../../../src/source/read-chunks.ts";

/** Opens raw images as the disks `disk0`, `disk1`, … of one virtual machine. */
export async function assembleImages(
  images: readonly (string | ByteSource)[],
  options: AssembleOptions = {},
): Promise<Disk[]> {
  const disks: { name: string; disk: Disk }[] = [];
  for (const [index, image] of images.entries()) {
    const source = typeof image === "string" ? await FileSource.open(image) : image;
    disks.push({ name: `disk${index}`, disk: await openDisk(source, { format: "raw" }) });
  }
  return assembleDisks(disks, options);
}

export async function withAssembledImages(
  images: readonly (string | ByteSource)[],
  work: (disks: readonly Disk[]) => Promise<void>,
  options: AssembleOptions = {},
): Promise<void> {
  const disks = await assembleImages(images, options);
  try {
    await work(disks);
  } finally {
    await Promise.all(disks.map((disk) => disk.close()));
  }
}

/** Of all disks, by the first of the device files the guest knows them by. */
export function innerVolumes(disks: readonly Disk[]): Map<string, Volume> {
  return new Map(
    disks.flatMap(({ volumes }) =>
      volumes.flatMap((volume) => (volume.devices === undefined ? [] : [[volume.devices[0] as string, volume]])),
    ),
  );
}

export async function sha256Of(source: ByteSource, chunkSize = 1024 * 1024): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of readChunks(source, 0, source.size, { chunkSize })) hash.update(chunk);
  return hash.digest("hex");
}

/** `name: what is there or why not`. */
export const describeVolumes = (disk: Disk): string[] =>
  disk.volumes.map(({ name, content }) => {
    if (content.kind === "file-system") return `${name}: ${content.fileSystem.info().type}`;
    return `${name}: ${content.kind === "unreadable" ? content.reason : content.what}`;
  });
