import { parseDuration } from "../../bytes/duration.ts";
import type { Stored } from "../../kube/resource-type.ts";
import type { VirtualMachineFileRestore } from "../api/v1alpha1/virtual-machine-file-restore.ts";

/** When the restore deletes itself; undefined: never. @param defaultMs for restores that do not say */
export function expiryOf(
  { metadata, spec }: Stored<VirtualMachineFileRestore>,
  defaultMs: number | undefined,
): Date | undefined {
  const ttlMs = spec.ttl === undefined ? defaultMs : parseDuration(spec.ttl);
  if (ttlMs === undefined || metadata.creationTimestamp === undefined) return undefined;
  return new Date(Date.parse(String(metadata.creationTimestamp)) + ttlMs);
}
