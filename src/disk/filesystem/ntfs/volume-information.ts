/** $Volume and $LogFile: the name, the version, and whether the volume was left in order. */
import { displayName } from "../../../bytes/byte-name.ts";
import { Cursor } from "../../../bytes/cursor.ts";
import { CorruptDataError, SourceError, VmfrError } from "../../../errors.ts";
import type { Consistency } from "../file-system.ts";
import { ATTRIBUTE } from "./attribute.ts";
import { attributeValue, type FileNodes } from "./file-node.ts";
import { recordPlace } from "./file-record.ts";
import { describeLog } from "./log-file.ts";
import { SYSTEM_RECORD } from "./master-file-table.ts";
import { nameFromUtf16, utf16Text } from "./utf16-name.ts";
import type { Volume } from "./volume.ts";

const VOLUME_FLAG = { DIRTY: 0x0001, MODIFIED_BY_CHKDSK: 0x8000 };

export interface VolumeInformation {
  /** For display; empty when unset. */
  readonly label: string;
  readonly features: readonly string[];
  readonly consistency: Consistency;
  readonly warnings: readonly string[];
}

/** @param hibernated whether Windows sleeps on this volume. Damage becomes a warning. @throws SourceError */
export async function readVolumeInformation(
  volume: Volume,
  nodes: FileNodes,
  hibernated: boolean,
  signal?: AbortSignal,
): Promise<VolumeInformation> {
  const reasons: string[] = hibernated
    ? ["Windows is hibernated or was shut down with fast startup; what it had in memory is not on the disk"]
    : [];
  const warnings: string[] = [];
  let label = "";
  const features: string[] = [];
  try {
    const file = await nodes.read(SYSTEM_RECORD.VOLUME, signal);
    const name = attributeValue(file, ATTRIBUTE.VOLUME_NAME);
    if (name?.kind === "resident") label = displayName(nameFromUtf16(utf16Text(name.head.value)));
    const value = attributeValue(file, ATTRIBUTE.VOLUME_INFORMATION);
    if (value?.kind !== "resident") throw new CorruptDataError(recordPlace(file.number), "has no $VOLUME_INFORMATION");
    const information = new Cursor(value.head.value, recordPlace(file.number));
    features.push(`version ${information.u8(8)}.${information.u8(9)}`);
    if ((information.u16le(10) & VOLUME_FLAG.DIRTY) !== 0) reasons.push("marked dirty");
  } catch (error) {
    warnings.push(damage(error));
    reasons.push("whether it is dirty cannot be read");
  }
  try {
    const log = await describeLog(volume, await nodes.read(SYSTEM_RECORD.LOG_FILE, signal), signal);
    if (log !== undefined) reasons.push(log);
  } catch (error) {
    warnings.push(damage(error));
    reasons.push("$LogFile is damaged");
  }
  return { label, features, consistency: consistencyOf(reasons), warnings };
}

function consistencyOf(reasons: readonly string[]): Consistency {
  if (reasons.length === 0) return { state: "clean", detail: "clean" };
  return { state: "raw", detail: `raw view, $LogFile not replayed: ${reasons.join("; ")}` };
}

/** The message of damage; anything else is thrown again. */
function damage(error: unknown): string {
  if (!(error instanceof VmfrError) || error instanceof SourceError) throw error;
  return error.message;
}
