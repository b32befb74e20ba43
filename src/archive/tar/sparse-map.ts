/** GNU's sparse format 1.0 (GNU tar manual, "Storing Sparse Files"): the map is text in front of the data. */
import type { Stretch } from "../prepared-entry.ts";
import { BLOCK } from "./header.ts";

/** Padded to whole blocks. A hole at the end is marked by an empty stretch there, as GNU tar does. */
export function sparseMap(stretches: readonly Stretch[], size: number): Uint8Array {
  const last = stretches.at(-1);
  const endsInHole = last === undefined || last.offset + last.length < size;
  const listed = endsInHole ? [...stretches, { offset: size, length: 0 }] : stretches;
  const numbers = [listed.length, ...listed.flatMap(({ offset, length }) => [offset, length])];
  const text = Buffer.from(`${numbers.join("\n")}\n`, "latin1");
  return Buffer.concat([text], Math.ceil(text.length / BLOCK) * BLOCK);
}
