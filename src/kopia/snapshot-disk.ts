import { CorruptDataError, UnsupportedFeatureError } from "../errors.ts";
import type { SparseSource } from "../source/byte-source.ts";
import type { DirectoryEntry } from "./directory.ts";
import type { KopiaRepository } from "./kopia-repository.ts";
import type { Snapshot } from "./manifests.ts";

/** A VM's disk as a snapshot of its volume holds it. */
export interface SnapshotDisk {
  readonly source: SparseSource;
  /** `filesystem`: an image file in the volume's file system; `block`: the bytes of the device. */
  readonly layout: "filesystem" | "block";
  /** The image's name, or the device's; never to be used as a path. */
  readonly fileName: string;
}

/** The name KubeVirt and CDI give the image on a volume with a file system. */
const IMAGE_NAME = "disk.img";

/** @throws UnsupportedFeatureError when the snapshot holds no single disk image; CorruptDataError, SourceError. */
export async function openSnapshotDisk(
  repository: KopiaRepository,
  snapshot: Snapshot,
  signal?: AbortSignal,
): Promise<SnapshotDisk> {
  const { root } = snapshot;
  const entries = root.type === "directory" ? await repository.readDirectory(root.objectId, signal) : [root];
  const { entry, layout } = findDisk(entries, snapshot.id);
  const source = await repository.openObject(entry.objectId, signal);
  if (source.size !== entry.size) {
    const place = { format: "kopia", structure: `file ${JSON.stringify(entry.name)} of snapshot ${snapshot.id}` };
    throw new CorruptDataError(place, `its directory says ${entry.size} bytes, its seek table ${source.size}`);
  }
  return { source, layout, fileName: entry.name };
}

function findDisk(
  entries: readonly DirectoryEntry[],
  snapshotId: string,
): { entry: DirectoryEntry; layout: SnapshotDisk["layout"] } {
  const files = entries.filter((entry) => entry.type === "file");
  const [only] = files;
  // Velero streams a device into a directory whose single file has the device's absolute path as its name.
  if (only !== undefined && entries.length === 1 && only.name.startsWith("/")) return { entry: only, layout: "block" };
  const image = files.find((entry) => entry.name === IMAGE_NAME) ?? singleLargest(files);
  if (image !== undefined) return { entry: image, layout: "filesystem" };
  throw new UnsupportedFeatureError(
    "kopia",
    [`snapshot ${snapshotId} without a ${IMAGE_NAME}`],
    "the volume does not hold a VM's disk",
  );
}

/** Undefined when several files share the largest size, or the largest is empty. */
function singleLargest(files: readonly DirectoryEntry[]): DirectoryEntry | undefined {
  const [largest, second] = [...files].sort((left, right) => right.size - left.size);
  return largest !== undefined && largest.size > (second?.size ?? 0) ? largest : undefined;
}
