/** Describes a folder in the form that `mkfs.xfs -p` fills a new file system from: for formats no kernel here mounts. */
import { lstatSync, readdirSync, readlinkSync, type Stats } from "node:fs";

const SLASH = Buffer.from("/");
/** What separates words in the description, and so cannot be part of a name. */
const SEPARATORS = /[\s:$]/;

/** XFS takes link targets up to this many bytes. */
const LONGEST_TARGET = 1023;

/** Whether the form can hold a name or link target. */
export function isWord(bytes: Uint8Array): boolean {
  return bytes.length <= LONGEST_TARGET && !SEPARATORS.test(Buffer.from(bytes).toString("latin1"));
}

/** Everything below `folder` whose name the form can hold. Sockets and the sticky bit it cannot. */
export function prototypeOf(folder: string): Buffer {
  const root = Buffer.from(folder);
  return Buffer.concat([
    Buffer.from(`/dev/null\n0 0\n${modeWord("d", lstatSync(root))}\n`),
    ...children(root),
    Buffer.from("$\n"),
  ]);
}

function children(folder: Buffer): Buffer[] {
  return readdirSync(folder, { encoding: "buffer" })
    .toSorted(Buffer.compare)
    .filter(isWord)
    .flatMap((name) => entry(Buffer.concat([folder, SLASH, name]), name));
}

function entry(path: Buffer, name: Buffer): Buffer[] {
  const stat = lstatSync(path);
  const line = (type: string, ...words: Uint8Array[]): Buffer =>
    Buffer.concat([name, Buffer.from(` ${modeWord(type, stat)} `), ...words, Buffer.from("\n")]);
  const [major, minor] = [(stat.rdev >>> 8) & 0xfff, (stat.rdev & 0xff) | ((stat.rdev >>> 12) & 0xfff00)];
  const device = Buffer.from(`${major} ${minor}`);
  if (stat.isDirectory()) return [line("d"), ...children(path), Buffer.from("$\n")];
  if (stat.isSymbolicLink()) {
    const target = readlinkSync(path, { encoding: "buffer" });
    return isWord(target) ? [line("l", target)] : [];
  }
  if (stat.isFile()) return [line("-", path)];
  if (stat.isFIFO()) return [line("p")];
  if (stat.isCharacterDevice()) return [line("c", device)];
  return stat.isBlockDevice() ? [line("b", device)] : [];
}

function modeWord(type: string, { mode, uid, gid }: Stats): string {
  const special = `${(mode & 0o4000) === 0 ? "-" : "u"}${(mode & 0o2000) === 0 ? "-" : "g"}`;
  return `${type}${special}${(mode & 0o777).toString(8).padStart(3, "0")} ${uid} ${gid}`;
}
