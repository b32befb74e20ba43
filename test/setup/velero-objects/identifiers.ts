import { createHash } from "node:crypto";

/** The same UID for the same words, so that everything built from it is reproducible. */
export function uidOf(...words: readonly string[]): string {
  const hex = createHash("sha256").update(words.join("\0")).digest("hex");
  const variant = (Number.parseInt(hex.charAt(16), 16) % 4) + 8;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant.toString(16)}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Velero's name of the upload of a volume: longer than a label may be, so cut and ended by a hash (velero: pkg/label). */
export function operationIdOf(backupUid: string, pvcUid: string): string {
  const full = `du-${backupUid}.${pvcUid}`;
  return full.slice(0, 57) + createHash("sha256").update(full).digest("hex").slice(0, 6);
}
