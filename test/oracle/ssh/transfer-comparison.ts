import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { nameKey } from "../../../src/bytes/byte-name.ts";
import { openExt4 } from "../../../src/disk/filesystem/ext4/ext4-file-system.ts";
import type { FileSystem } from "../../../src/disk/filesystem/file-system.ts";
import { FileSource } from "../../../src/source/file-source.ts";
import { withLoopMount } from "../../setup/loop-mount.ts";
import { makeAwkwardTree } from "./awkward-tree.ts";

/** What a guest may hold that rsync can carry over, besides `makeAwkwardTree`. */
const EXTRAS = `
set -e
mkdir links; echo shared > links/one; ln links/one links/two; mkdir links/below; ln links/one links/below/three
ln -s nowhere links/symlink; ln links/symlink links/symlink-again
mknod kinds/character c 5 300; mknod kinds/block b 259 70000
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("kinds/socket")'
mkdir attributes; echo a > attributes/short; echo b > attributes/long; echo c > attributes/acl; mkdir attributes/directory
setfattr -n user.short -v value attributes/short
setfattr -n user.long -v "$(head -c 1000 /dev/zero | tr '\\0' x)" attributes/long
setfattr -n user.other -v "$(head -c 40 /dev/zero | tr '\\0' y)" attributes/long
setfattr -n user.same -v "$(head -c 1000 /dev/zero | tr '\\0' x)" attributes/directory
setfattr -n security.test -v 0x00ff80 attributes/short
setfattr -n user.rsync.%stat -v hidden attributes/short
setfacl -m u:1234:r,g:4321:rw,m::r attributes/acl; setfacl -m m::rwx attributes/short
setfacl -m u:1234:rwx,d:u:1234:rx,d:g::r attributes/directory
chown 1001:2002 links/one; chown -h 1003:2004 kinds/loop
truncate -s 3000000 sizes/sparse; printf data | dd of=sizes/sparse bs=1 seek=2000000 conv=notrunc status=none
mkdir -p filtered/keep/deep filtered/drop; for f in a.txt b.o c.txt~ keep/d.txt keep/e.o keep/deep/f.txt drop/g.txt; do echo $f > filtered/$f; done
printf -- '- *.o\\n+ deep/\\n' > filtered/.rules; printf '*.txt\\n' > filtered/keep/.cvsignore; printf -- '- /deep\\n' > filtered/keep/.rules
mkdir old; echo old > old/before1970; touch -d 1955-11-05T06:15:00.123Z old/before1970; echo new > old/after2038; touch -d 2100-01-01T00:00:00.5Z old/after2038
ln -s ../../outside links/below/unsafe; ln -s links here; echo outside > outside
# rsync leaves times alone that differ within one second, as those of just now would.
find . -mindepth 1 -newermt 2024-01-01 -not -name after2038 -exec touch -h -d 2020-02-02T02:02:02.123456789Z {} +
`;

export interface GuestImage {
  readonly fileSystem: FileSystem;
  /** Runs `work` while the kernel has the same image mounted. */
  mounted<Result>(work: (mountPoint: string) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** An ext4 file system with everything in it, read by vmfr and by the kernel. */
export async function makeGuestImage(directory: string): Promise<GuestImage> {
  const image = path.join(directory, "guest.img");
  execFileSync("mke2fs", ["-q", "-t", "ext4", "-b", "4096", "-I", "256", image, "96M"]);
  await withLoopMount(image, "", async (mountPoint) => {
    makeAwkwardTree(mountPoint);
    execFileSync("bash", ["-c", EXTRAS], { cwd: mountPoint });
    rmSync(path.join(mountPoint, "lost+found"), { recursive: true });
  });
  const source = await FileSource.open(image);
  const fileSystem = await openExt4(source);
  return {
    fileSystem,
    mounted: (work) => withLoopMount(image, "ro", work),
    close: async () => {
      await fileSystem.close();
      await source.close();
    },
  };
}

export interface ListingOptions {
  readonly times: boolean;
  readonly owners: boolean;
}

/** Everything that can be told of a directory's entries, one line each, names as bytes. */
export function fullListing(directory: string, { times, owners }: ListingOptions): string[] {
  const format = `%P\\0%y %m${owners ? " %U %G" : ""} ${times ? "%T@" : ""} %l\\0`;
  const output = execFileSync("find", [".", "-mindepth", "1", "-printf", format], {
    cwd: directory,
    maxBuffer: 1 << 28,
  });
  const fields = nameKey(output).split("\0");
  const lines: string[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] ?? "";
    const described = fields[index + 1] ?? "";
    const file = Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(name, "latin1")]);
    lines.push(`${name} ${described} ${contentOf(file, described)}`);
  }
  return lines.sort();
}

function contentOf(file: Buffer, described: string): string {
  return described.startsWith("f ") ? createHash("sha256").update(readFileSync(file)).digest("hex") : "";
}

/** Extended attributes and access control lists of everything, as getfattr shows them. */
export function attributeListing(directory: string): string {
  return execFileSync("bash", ["-c", "find . -print0 | LC_ALL=C sort -z | xargs -0 getfattr -h -d -m - -e hex"], {
    cwd: directory,
    maxBuffer: 1 << 26,
  }).toString("latin1");
}

/** Which names are one file. */
export function linkGroups(directory: string): string[] {
  const output = execFileSync("find", [".", "-not", "-type", "d", "-links", "+1", "-printf", "%i %P\\0"], {
    cwd: directory,
  });
  const groups = new Map<string, string[]>();
  for (const line of nameKey(output)
    .split("\0")
    .filter((text) => text !== "")) {
    const [inode = "", name = ""] = line.split(/ (.*)/s);
    groups.set(inode, [...(groups.get(inode) ?? []), name]);
  }
  return Array.from(groups.values(), (names) => names.sort().join(" = ")).sort();
}

/** A new empty directory, and an old one: whether its time is that of the source must not depend on the second. */
export function emptyDirectory(directory: string): string {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  utimesSync(directory, 0, 0);
  return directory;
}

export function writeLines(file: string, lines: readonly string[], separator = "\n"): string {
  writeFileSync(file, lines.map((line) => line + separator).join(""));
  return file;
}
