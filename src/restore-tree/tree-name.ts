/**
 * Names of backups, VMs, disks and volumes come from metadata somebody else wrote. Here they become single
 * directory names: nothing climbs, nothing splits, and two of them never end up in the same place.
 */
import { createHash } from "node:crypto";
import { nameFromText, nameKey } from "../bytes/byte-name.ts";

/** Bytes; what every file system and client can hold. */
const LONGEST_NAME = 255;
/** Bytes left free for `.volumes`, `~2` and the like. */
const SUFFIX_ROOM = 16;

/** The text as one directory name: `/` and NUL turn into `%2F` and `%00`, `.` and `..` into `%2E` and `%2E%2E`, nothing into `%`. */
export function directoryName(text: string): Uint8Array {
  if (text === "") return nameFromText("%");
  if (text === "." || text === "..") return nameFromText(text.replaceAll(".", "%2E"));
  const escaped = nameFromText(text.replaceAll("/", "%2F").replaceAll("\0", "%00"));
  return shortened(escaped);
}

function shortened(name: Uint8Array): Uint8Array {
  if (name.length <= LONGEST_NAME - SUFFIX_ROOM) return name;
  const digest = nameFromText(`-${createHash("sha256").update(name).digest("hex").slice(0, 16)}`);
  return Buffer.concat([name.subarray(0, LONGEST_NAME - SUFFIX_ROOM - digest.length), digest]);
}

/** Hands out names within one directory: who asks first keeps the name, later ones get `~2`, `~3`, … */
export class DirectoryNames {
  readonly #taken = new Set<string>();

  claim(text: string): Uint8Array {
    const wanted = directoryName(text);
    let name = wanted;
    for (let attempt = 2; this.#taken.has(nameKey(name)); attempt++) {
      name = Buffer.concat([wanted, nameFromText(`~${attempt}`)]);
    }
    this.#taken.add(nameKey(name));
    return name;
  }
}
