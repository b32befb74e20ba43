/**
 * ext4 file systems made without root: mke2fs copies a folder into a new image, debugfs sets what the host
 * could not (owners, times, attributes) and later changes single files in place, as a running guest would.
 */
import { execFileSync } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { GuestFile, GuestTree } from "./guest-file.ts";

export interface Ext4Options {
  readonly uuid: string;
  readonly label: string;
  /** Bytes. */
  readonly size: number;
  /** Seconds since 1970, for the superblock. */
  readonly time: number;
}

export function createExt4(image: string, tree: GuestTree, options: Ext4Options): void {
  withScratch((scratch) => {
    const staging = path.join(scratch, "files");
    for (const [name, file] of tree) stage(staging, name, file);
    const extended = `hash_seed=${options.uuid},root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0`;
    const identity = ["-U", options.uuid, "-L", options.label, "-E", extended];
    const geometry = ["-b", "4096", "-I", "256", "-N", "512", "-m", "0", "-J", "size=4"];
    run(
      "mke2fs",
      ["-q", "-F", "-t", "ext4", ...identity, ...geometry, "-d", staging, image, `${options.size / 1024}k`],
      options.time,
    );
    debugfs(
      image,
      [...tree].flatMap(([name, file]) => setAttributes(name, file, scratch)),
      options.time,
    );
  });
  check(image);
}

/** Makes what differs between the trees differ on the image; hard links stay as they are. */
export function changeExt4(image: string, before: GuestTree, after: GuestTree, time: number): void {
  withScratch((scratch) => {
    const commands: string[] = [];
    for (const [name, file] of before) {
      if (after.has(name)) continue;
      commands.push(`${file.type === "directory" ? "rmdir" : "rm"} ${quote(name)}`);
    }
    for (const [name, file] of after) {
      const old = before.get(name);
      if (old !== undefined && isSame(old, file)) continue;
      if (file.type !== "file") throw new Error(`${name}: only files change between backups`);
      if (old !== undefined) commands.push(`rm ${quote(name)}`);
      const content = path.join(scratch, `content-${commands.length}`);
      writeFileSync(content, file.content);
      commands.push(`write ${content} ${quote(name)}`, ...setAttributes(name, file, scratch));
    }
    debugfs(image, commands, time);
  });
  check(image);
}

function isSame(left: GuestFile, right: GuestFile): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

function stage(staging: string, name: string, file: GuestFile): void {
  const host = Buffer.concat([Buffer.from(staging), Buffer.from(name, "latin1")]);
  if (file.type === "directory") mkdirSync(host, { recursive: true });
  else if (file.type === "symlink") symlinkSync(file.target, host);
  else if (file.type === "hard-link") linkSync(path.join(staging, file.target), host);
  else {
    const descriptor = openSync(host, "w");
    writeSync(descriptor, file.content);
    ftruncateSync(descriptor, file.size ?? file.content.length);
    closeSync(descriptor);
  }
}

const TYPE_BITS = { directory: 0o040000, file: 0o100000, symlink: 0o120000 };

function setAttributes(name: string, file: GuestFile, scratch: string): string[] {
  if (file.type === "hard-link") return [];
  const set = (field: string, value: string) => `set_inode_field ${quote(name)} ${field} ${value}`;
  const times = ["mtime", "atime", "ctime", "crtime"].flatMap((field) => [
    set(field, `@${file.mtime}`),
    set(`${field}_extra`, "0"),
  ]);
  const attributes = Object.entries(file.xattrs ?? {}).map(([attribute, value], index) => {
    const stored = path.join(scratch, `xattr-${Buffer.from(name, "latin1").toString("hex").slice(-80)}-${index}`);
    writeFileSync(stored, value);
    return `ea_set -f ${stored} ${quote(name)} ${attribute}`;
  });
  // Attributes first: debugfs would move the time of change.
  const mode = `0${(TYPE_BITS[file.type] | file.mode).toString(8)}`;
  return [...attributes, set("mode", mode), set("uid", `${file.uid}`), set("gid", `${file.gid}`), ...times];
}

function quote(name: string): string {
  return `"${name}"`;
}

/** debugfs ends well whatever happens; only what it says tells. */
function debugfs(image: string, commands: readonly string[], time: number): void {
  withScratch((scratch) => {
    const script = path.join(scratch, "script");
    writeFileSync(script, Buffer.from(`${commands.join("\n")}\n`, "latin1"));
    const said = run("debugfs", ["-w", "-f", script, image], time);
    const complaints = said.split("\n").filter((line) => !/^(debugfs[ :]|Allocated inode: |$)/.test(line));
    if (complaints.length > 0) throw new Error(`debugfs: ${complaints.slice(0, 5).join("; ")}`);
  });
}

function check(image: string): void {
  run("e2fsck", ["-fn", image], 0);
}

/** Output and complaints together. */
function run(command: string, args: readonly string[], time: number): string {
  const program = ["/usr/sbin", "/sbin"].map((directory) => path.join(directory, command)).join(":");
  return execFileSync("sh", ["-c", 'exec "$0" "$@" 2>&1', command, ...args], {
    encoding: "utf8",
    env: {
      PATH: `/usr/sbin:/sbin:/usr/bin:/bin:${program}`,
      TZ: "UTC",
      DEBUGFS_PAGER: "cat",
      E2FSPROGS_FAKE_TIME: `${time}`,
    },
  });
}

function withScratch<Result>(work: (directory: string) => Result): Result {
  const directory = mkdtempSync(path.join(tmpdir(), "vmfr-example-"));
  try {
    return work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
