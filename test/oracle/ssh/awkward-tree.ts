import { execFileSync } from "node:child_process";
import { createHash, randomFillSync } from "node:crypto";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { nameKey } from "../../../src/bytes/byte-name.ts";

/** Names that some client or server somewhere mistreats; raw bytes. */
export const AWKWARD_NAMES: readonly Buffer[] = [
  "with space",
  " leading and trailing ",
  "quote'single",
  'quote"double',
  "back\\slash",
  "new\nline",
  "tab\tand\u0007bell",
  "-dash",
  "star*[a-z]?",
  "$(touch gone)`id`",
  "~tilde",
  "#hash;semi&and|pipe",
  "ümläut-日本語-🗄",
  "e\u0301 decomposed",
  "x".repeat(255),
]
  .map((name) => Buffer.from(name))
  .concat([Buffer.from("latin1-\xe9\xff\xfe", "latin1"), Buffer.from([0x80, 0x81])]);

/** Times before 2038 that are no whole seconds. */
const MTIME = 1_700_000_000.25;

/** Fills a directory with everything a restore may meet: awkward names, every kind of node, odd modes and sizes. */
export function makeAwkwardTree(directory: string): void {
  const names = path.join(directory, "names");
  mkdirSync(names);
  for (const [index, name] of AWKWARD_NAMES.entries()) {
    writeFileSync(Buffer.concat([Buffer.from(`${names}/`), name]), `content ${index}\n`);
  }
  const sizes = path.join(directory, "sizes");
  mkdirSync(sizes);
  for (const size of [0, 1, 32_767, 32_768, 32_769, 261_120, 261_121, 524_288, 1_500_001]) {
    writeFileSync(path.join(sizes, `${size}`), randomFillSync(Buffer.alloc(size)));
  }
  const kinds = path.join(directory, "kinds");
  mkdirSync(path.join(kinds, "deep/er/and/deeper"), { recursive: true });
  writeFileSync(path.join(kinds, "deep/er/and/deeper/file"), "deep\n");
  writeFileSync(path.join(kinds, "private"), "root only\n");
  chmodSync(path.join(kinds, "private"), 0o000);
  writeFileSync(path.join(kinds, "setuid"), "setuid\n");
  chmodSync(path.join(kinds, "setuid"), 0o4755);
  mkdirSync(path.join(kinds, "sticky"));
  chmodSync(path.join(kinds, "sticky"), 0o1777);
  symlinkSync("deep/er", path.join(kinds, "relative-link"));
  symlinkSync("/sizes/1", path.join(kinds, "absolute-link"));
  symlinkSync("nowhere", path.join(kinds, "dangling-link"));
  symlinkSync("loop", path.join(kinds, "loop"));
  execFileSync("mkfifo", [path.join(kinds, "fifo")]);
  for (const { path: file } of walk(directory)) {
    if (!lstatSync(file).isSymbolicLink()) utimesSync(file, MTIME, MTIME);
  }
}

export interface Entry {
  /** Raw bytes, one UTF-16 unit a byte, relative to the directory walked. */
  readonly name: string;
  readonly path: Buffer;
}

export function* walk(directory: string | Buffer, prefix = Buffer.of()): Generator<Entry> {
  for (const name of readdirSync(directory, { encoding: "buffer" })) {
    const file = Buffer.concat([Buffer.from(directory), Buffer.from("/"), name]);
    const relative = prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from("/"), name]);
    yield { name: nameKey(relative), path: file };
    if (lstatSync(file).isDirectory()) yield* walk(file, relative);
  }
}

export interface SnapshotOptions {
  /** Compare modification times (whole seconds) and modes too: those bits that clients carry over under umask 022. */
  readonly attributes: boolean;
  readonly symlinks: boolean;
  readonly specials: boolean;
}

/** One line an entry: name, type, content or target, and what else is asked for; sorted. */
export function snapshot(directory: string, options: SnapshotOptions): string[] {
  const lines: string[] = [];
  for (const { name, path: file } of walk(directory)) {
    const stat = lstatSync(file);
    const attributes = options.attributes
      ? ` ${(stat.mode & 0o755).toString(8)} ${Math.floor(stat.mtimeMs / 1000)}`
      : "";
    if (stat.isFile()) {
      const hash = createHash("sha256").update(readFileSync(file)).digest("hex");
      lines.push(`${name} file ${stat.size} ${hash}${attributes}`);
    } else if (stat.isDirectory()) lines.push(`${name} directory${attributes}`);
    else if (stat.isSymbolicLink() && options.symlinks) {
      lines.push(`${name} symlink ${nameKey(readlinkSync(file, { encoding: "buffer" }))}`);
    } else if (!stat.isSymbolicLink() && options.specials) lines.push(`${name} special${attributes}`);
  }
  return lines.sort();
}

export function fileCount(lines: readonly string[]): number {
  return lines.filter((line) => / file \d+ [0-9a-f]{64}/.test(line)).length;
}
