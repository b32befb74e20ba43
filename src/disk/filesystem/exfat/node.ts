/** Node ids of exFAT: where a file's first slot lies, and how to go on from there. */
import type { NodeId } from "../file-system.ts";
import { SLOT_SIZE } from "./entry-set.ts";

export interface NodePlace {
  /** Bytes from the start of the volume. */
  readonly position: number;
  /** The directory's clusters follow each other, so that a set may go on behind the end of one. */
  readonly contiguous: boolean;
}

/** No slot can lie in the boot sector. */
export const ROOT_NODE: NodeId = 0;

export function nodeAt({ position, contiguous }: NodePlace): NodeId {
  return (position / SLOT_SIZE) * 2 + (contiguous ? 1 : 0);
}

export function placeOf(node: NodeId): NodePlace {
  return { position: Math.floor(node / 2) * SLOT_SIZE, contiguous: node % 2 === 1 };
}

export function describeNode(node: NodeId): string {
  return node === ROOT_NODE ? "root directory" : `directory entry at byte ${placeOf(node).position}`;
}
