/** What xfs_db makes of an image: the independent reader of version 4, which few kernels still mount. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { type Listing, type ListingEntry, WHOLE_HASH_LIMIT } from "../listing/listing-entry.ts";

const run = promisify(execFile);
/** Starts the answer to each question. */
const MARK = "== ";

/** xfs_db calls the image, or what it was asked for, damaged. */
export class DamagedForXfsDbError extends Error {}

export interface XfsGeometry {
  /** Bytes. */
  readonly blockSize: number;
  readonly groupBlocks: number;
}

/** Runs commands on many inodes in one process and returns what each question's commands printed. */
async function ask(image: string, questions: readonly (readonly string[])[]): Promise<string[]> {
  const words = questions.flatMap((commands) => [`echo ${MARK}`, ...commands].flatMap((each) => ["-c", each]));
  const { stdout, stderr } = await run("xfs_db", ["-r", ...words, image], {
    maxBuffer: 16 * 1024 * 1024,
    encoding: "latin1",
    timeout: 20_000,
    env: { ...process.env, LC_ALL: "C", TZ: "UTC", PATH: `${process.env["PATH"] ?? ""}:/usr/sbin` },
  });
  if (stderr !== "") throw new DamagedForXfsDbError(stderr);
  return stdout.split(`${MARK}\n`).slice(1);
}

const TYPES: Readonly<Record<string, string>> = {
  "10": "file",
  "04": "directory",
  "12": "symlink",
  "01": "fifo",
  "02": "character-device",
  "06": "block-device",
  "14": "socket",
};

/** The fields of an inode and of what lies in it. */
type Fields = ReadonlyMap<string, string>;

const fieldsOf = (text: string): Fields =>
  new Map([...text.matchAll(/^(\S+) = (.*)$/gm)].map(([, name = "", value = ""]) => [name, value]));

const numberOf = (fields: Fields, name: string): number => Number(fields.get(`core.${name}`)?.split(" ")[0]);

const nanoseconds = (fields: Fields, name: string): string =>
  String(
    BigInt(Date.parse(`${fields.get(`core.${name}.sec`)} UTC`)) * 1_000_000n + BigInt(numberOf(fields, `${name}.nsec`)),
  );

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

interface Mapping {
  /** Bytes from the start of the file. */
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** What the mappings printed by `bmap` lead to, in front of the file's end. */
function mappingsOf(text: string, size: number, image: Uint8Array, geometry: XfsGeometry): Mapping[] {
  const mappings: Mapping[] = [];
  for (const [, ...words] of text.matchAll(/offset (\d+) startblock \d+ \((\d+)\/(\d+)\) count (\d+) flag (\d)/g)) {
    const [offset = 0, group = 0, block = 0, count = 0, unwritten] = words.map(Number);
    const at = offset * geometry.blockSize;
    if (unwritten === 1 || at >= size) continue;
    const start = (group * geometry.groupBlocks + block) * geometry.blockSize;
    mappings.push({ at, bytes: image.subarray(start, start + Math.min(count * geometry.blockSize, size - at)) });
  }
  return mappings;
}

function mappedBytes(text: string, size: number, image: Uint8Array, geometry: XfsGeometry): Uint8Array {
  const content = new Uint8Array(size);
  for (const { at, bytes } of mappingsOf(text, size, image, geometry)) content.set(bytes, at);
  return content;
}

/** As listings have it: of a large file the places and bytes of its data alone. */
function contentHash(text: string, size: number, image: Uint8Array, geometry: XfsGeometry): string {
  if (size <= WHOLE_HASH_LIMIT) return sha256(mappedBytes(text, size, image, geometry));
  const pieces: { at: number; parts: Uint8Array[]; end: number }[] = [];
  for (const { at, bytes } of mappingsOf(text, size, image, geometry)) {
    const last = pieces.at(-1);
    if (last?.end === at) {
      last.parts.push(bytes);
      last.end += bytes.length;
    } else pieces.push({ at, parts: [bytes], end: at + bytes.length });
  }
  return sha256(Buffer.concat(pieces.flatMap(({ at, end, parts }) => [Buffer.from(`${at}:${end - at}\n`), ...parts])));
}

function entryOf(path: string, node: number, answer: string, image: Uint8Array, geometry: XfsGeometry): ListingEntry {
  const fields = fieldsOf(answer);
  const mode = Number.parseInt(fields.get("core.mode") ?? "", 8);
  const type = TYPES[(mode >> 12).toString(8).padStart(2, "0")] ?? "unknown";
  const size = type === "file" || type === "directory" || type === "symlink" ? numberOf(fields, "size") : 0;
  const targetOf = () => {
    const inPlace = fields.get("u.symlink")?.slice(1, -1);
    return inPlace === undefined ? mappedBytes(answer, size, image, geometry) : Buffer.from(inPlace, "latin1");
  };
  return {
    path,
    node,
    type,
    mode: mode & 0o7777,
    uid: numberOf(fields, "uid"),
    gid: numberOf(fields, "gid"),
    size,
    allocated: numberOf(fields, "nblocks") * geometry.blockSize,
    links: numberOf(fields, "nlinkv2"),
    mtime: nanoseconds(fields, "mtime"),
    atime: nanoseconds(fields, "atime"),
    ctime: nanoseconds(fields, "ctime"),
    ...(type === "symlink" ? { target: Buffer.from(targetOf()).toString("hex") } : {}),
    ...(type === "file" ? { sha256: contentHash(answer, size, image, geometry) } : {}),
  };
}

/** Lines of `ls`: cookie, inode, type, hash, length, name, verdict on the hash. */
function childrenOf(text: string): { name: string; node: number }[] {
  const lines = text.matchAll(/^\d+ +(\d+) +\S+ +0x[0-9a-f]+ +\d+ (.*) \((?:good|corrupt)\)$/gm);
  return [...lines]
    .map(([, node = "", name = ""]) => ({ node: Number(node), name }))
    .filter(({ name }) => name !== "." && name !== "..");
}

/**
 * Names, types, metadata, link targets and content of everything; no attributes, no device numbers.
 * @throws when xfs_db refuses anything
 */
export async function xfsDbListing(file: string, root: number, geometry: XfsGeometry): Promise<Listing> {
  const image = Uint8Array.from(readFileSync(file));
  const listing = new Map<string, ListingEntry>();
  let level: { path: string; node: number }[] = [{ path: "", node: root }];
  while (level.length > 0) {
    const answers = await ask(
      file,
      level.map(({ node }) => [`inode ${node}`, "print", "bmap -d"]),
    );
    const directories: { path: string; node: number }[] = [];
    for (const [index, { path, node }] of level.entries()) {
      if (listing.has(path)) continue;
      const entry = entryOf(path, node, answers[index] ?? "", image, geometry);
      listing.set(path, entry);
      if (entry.type === "directory" && path.length < 2000) directories.push({ path, node });
    }
    const names =
      directories.length === 0
        ? []
        : await ask(
            file,
            directories.map(({ node }) => [`inode ${node}`, "ls"]),
          );
    level = directories.flatMap(({ path }, index) =>
      childrenOf(names[index] ?? "").map(({ name, node }) => ({
        path: `${path === "" ? "" : `${path}2f`}${Buffer.from(name, "latin1").toString("hex")}`,
        node,
      })),
    );
  }
  return listing;
}
