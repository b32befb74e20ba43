import { displayName } from "../../bytes/byte-name.ts";

/** Text of the cluster on one line that cannot disguise anything: a status repeats words of guests and buckets. */
export function printable(text: string): string {
  return displayName(Buffer.from(text));
}
