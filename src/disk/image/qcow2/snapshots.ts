import { displayName } from "../../../bytes/byte-name.ts";
import { Cursor } from "../../../bytes/cursor.ts";
import { CorruptDataError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import type { Qcow2Header } from "./header.ts";
import { SNAPSHOT } from "./layout.ts";

export interface Snapshot {
  readonly id: string;
  readonly name: string;
}

/** QEMU's own bound. */
const MOST_SNAPSHOTS = 65_536;

/**
 * The snapshots inside the image, names escaped for display. They are listed only: a backup is of the
 * active layer.
 * @throws CorruptDataError, SourceError
 */
export async function readSnapshots(
  source: ByteSource,
  header: Qcow2Header,
  signal?: AbortSignal,
): Promise<Snapshot[]> {
  const place = { format: "qcow2", structure: "snapshot table", byteOffset: header.snapshotsOffset };
  if (header.snapshotCount > MOST_SNAPSHOTS) throw new CorruptDataError(place, `${header.snapshotCount} snapshots`);
  const snapshots: Snapshot[] = [];
  let offset = header.snapshotsOffset;
  for (let number = 0; number < header.snapshotCount; number++) {
    if (offset + SNAPSHOT.length > source.size)
      throw new CorruptDataError(place, "lies beyond the end of the image file");
    const fixed = new Cursor(await source.read(offset, SNAPSHOT.length, signal), place);
    const idSize = fixed.u16be(SNAPSHOT.idSize);
    const nameSize = fixed.u16be(SNAPSHOT.nameSize);
    const texts = offset + SNAPSHOT.length + fixed.u32be(SNAPSHOT.extraDataSize);
    const end = texts + idSize + nameSize;
    if (end > source.size)
      throw new CorruptDataError(place, `snapshot ${number} lies beyond the end of the image file`);
    const bytes = await source.read(texts, idSize + nameSize, signal);
    snapshots.push({ id: displayName(bytes.subarray(0, idSize)), name: displayName(bytes.subarray(idSize)) });
    offset = Math.ceil(end / 8) * 8;
  }
  return snapshots;
}
