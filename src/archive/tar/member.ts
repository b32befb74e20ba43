/** What an entry becomes in a tar archive: its header's fields, its pax records, and the map of its holes. */
import { utf8OrUndefined } from "../../bytes/byte-name.ts";
import type { FileType } from "../../disk/filesystem/file-system.ts";
import { UnsupportedFeatureError } from "../../errors.ts";
import type { ArchiveEntry } from "../archive-entry.ts";
import { type PreparedContent, type Stretch, totalLength } from "../prepared-entry.ts";
import { type HeaderFields, LARGEST_ID, LARGEST_SIZE, NAME_FIELD, type TypeFlag } from "./header.ts";
import { PaxRecords, paxTime } from "./pax-records.ts";
import { posixAclText } from "./posix-acl.ts";
import { sparseMap } from "./sparse-map.ts";

export interface TarMember {
  readonly fields: HeaderFields;
  readonly records: PaxRecords;
  /** In front of the data of a file with holes. */
  readonly map?: Uint8Array;
}

const FLAGS: Partial<Record<FileType, TypeFlag>> = {
  file: "file",
  directory: "directory",
  symlink: "symlink",
  fifo: "fifo",
  "character-device": "character-device",
  "block-device": "block-device",
};

const SLASH = Uint8Array.of(0x2f);

/** @throws UnsupportedFeatureError for what tar has no member for: sockets, device numbers beyond its fields. */
export function memberOf(entry: ArchiveEntry, content?: PreparedContent): TarMember {
  const type = entry.hardLinkTo === undefined ? FLAGS[entry.type] : "hard-link";
  if (type === undefined) throw new UnsupportedFeatureError("tar", [entry.type]);
  const path = type === "directory" ? Buffer.concat([entry.path, SLASH]) : entry.path;
  const linkName = entry.hardLinkTo ?? entry.linkTarget;
  const records = new PaxRecords();
  const isSparse = content !== undefined && !isWhole(content.stretches, content.size);
  // Readers decode every later record by this one, so it is the first.
  if ([path, linkName].some((name) => name !== undefined && name.length > NAME_FIELD && !isPortableText(name))) {
    records.text("hdrcharset", "BINARY");
  }
  if (isSparse) describeSparse(records, path, content.size);
  else if (needsRecord(path)) records.bytes("path", path);
  if (linkName !== undefined && needsRecord(linkName)) records.bytes("linkpath", linkName);
  const map = isSparse ? sparseMap(content.stretches, content.size) : undefined;
  const size = content === undefined ? 0 : totalLength(content.stretches) + (map?.length ?? 0);
  describeNumbers(records, entry, size);
  describeAttributes(records, entry);
  const fields = {
    type,
    name: isSparse ? sparseMemberName(entry.path) : path,
    ...(linkName === undefined ? {} : { linkName }),
    ...{ mode: entry.mode, uid: entry.uid, gid: entry.gid, size },
    mtime: Number(entry.mtime / 1_000_000_000n),
    ...(entry.device === undefined ? {} : { device: deviceNumbers(entry.device) }),
  };
  return map === undefined ? { fields, records } : { fields, records, map };
}

function isWhole(stretches: readonly Stretch[], size: number): boolean {
  return totalLength(stretches) === size;
}

/** UTF-8 that stays the same when a reader composes accents, as libarchive does with every name it takes for text. */
function isPortableText(name: Uint8Array): boolean {
  const text = utf8OrUndefined(name);
  return text !== undefined && text === text.normalize("NFC");
}

/** Short names that are no portable text stay in the header, which every reader takes as the bytes they are. */
function needsRecord(name: Uint8Array): boolean {
  if (name.length > NAME_FIELD) return true;
  return name.some((byte) => byte >= 0x80) && isPortableText(name);
}

function describeSparse(records: PaxRecords, path: Uint8Array, realSize: number): void {
  records.text("GNU.sparse.major", 1);
  records.text("GNU.sparse.minor", 0);
  records.bytes("GNU.sparse.name", path);
  records.text("GNU.sparse.realsize", realSize);
}

/** What readers without sparse support call the member: beside the place, so that it is not taken for the file. */
function sparseMemberName(path: Uint8Array): Uint8Array {
  const directory = Buffer.from("GNUSparseFile.0/");
  const name = path.subarray(path.lastIndexOf(0x2f) + 1);
  return Buffer.concat([directory, name]).subarray(0, NAME_FIELD);
}

function describeNumbers(records: PaxRecords, entry: ArchiveEntry, size: number): void {
  if (entry.uid > LARGEST_ID) records.text("uid", entry.uid);
  if (entry.gid > LARGEST_ID) records.text("gid", entry.gid);
  if (size > LARGEST_SIZE) records.text("size", size);
  const seconds = entry.mtime / 1_000_000_000n;
  if (entry.mtime < 0n || seconds > LARGEST_SIZE || seconds * 1_000_000_000n !== entry.mtime) {
    records.text("mtime", paxTime(entry.mtime));
  }
  if (entry.atime !== undefined) records.text("atime", paxTime(entry.atime));
  if (entry.ctime !== undefined) records.text("ctime", paxTime(entry.ctime));
}

function deviceNumbers(device: { readonly major: number; readonly minor: number }): typeof device {
  if (device.major > LARGEST_ID || device.minor > LARGEST_ID) {
    throw new UnsupportedFeatureError("tar", [`device number ${device.major}:${device.minor}`]);
  }
  return device;
}

const ACLS: Record<string, string> = {
  "system.posix_acl_access": "SCHILY.acl.access",
  "system.posix_acl_default": "SCHILY.acl.default",
};

/** GNU tar takes ACLs from their text and everything else from the raw attribute. */
function describeAttributes(records: PaxRecords, { xattrs = [] }: ArchiveEntry): void {
  for (const { name, value } of xattrs) {
    const text = Buffer.from(name).toString("latin1");
    const keyword = ACLS[text];
    const acl = keyword === undefined ? undefined : posixAclText(value);
    if (keyword !== undefined && acl !== undefined) records.text(keyword, acl);
    // `=` ends a keyword, so GNU tar writes it, and the sign it escapes with, as %XX.
    records.bytes(`SCHILY.xattr.${text.replaceAll("%", "%25").replaceAll("=", "%3D")}`, value);
  }
}
