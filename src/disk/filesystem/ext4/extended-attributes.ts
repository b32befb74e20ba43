/** Extended attributes as Linux lists them (kernel Documentation/filesystems/ext4/attributes.rst). */
import { nameFromText, nameKey } from "../../../bytes/byte-name.ts";
import { crc32c } from "../../../bytes/crc32c.ts";
import { Cursor } from "../../../bytes/cursor.ts";
import { type CorruptDataError, LimitError } from "../../../errors.ts";
import type { ExtendedAttribute } from "../file-system.ts";
import { type AttributeEntry, parseAttributeEntries } from "./attribute-entry.ts";
import { crc32cOfU64, crc32cWithout } from "./checksum.ts";
import { openContent } from "./content.ts";
import { inodeAttributes } from "./inline-data.ts";
import { INODE_FLAG, type Inode, inodeCorruption, inodeHas } from "./inode.ts";
import type { InodeTable } from "./inode-table.ts";
import { linuxAcl } from "./posix-acl.ts";
import { liesInside, readBlock, type Volume } from "./volume.ts";

const BLOCK_MAGIC = 0xea020000;
const BLOCK_HEADER = 32;
const CHECKSUM_OFFSET = 16;

const ACL_ACCESS = 2;
const ACL_DEFAULT = 3;

/** What Linux writes in front of names; attributes of other indices it does not list, so neither does vmfr. */
const PREFIXES: Readonly<Record<number, string>> = {
  1: "user.",
  [ACL_ACCESS]: "system.posix_acl_access",
  [ACL_DEFAULT]: "system.posix_acl_default",
  4: "trusted.",
  6: "security.",
  10: "gnu.",
};

/**
 * Attributes in the inode first, then those in its block.
 * @throws CorruptDataError when a list, a value or a checksum is damaged, LimitError for values over the limit
 */
export async function readAttributes(
  volume: Volume,
  inodes: InodeTable,
  inode: Inode,
  signal?: AbortSignal,
): Promise<ExtendedAttribute[]> {
  const entries = inodeAttributes(inode);
  if (inode.attributeBlock !== 0) entries.push(...(await blockAttributes(volume, inode, signal)));
  const attributes = new Map<string, ExtendedAttribute>();
  for (const entry of entries) {
    const prefix = PREFIXES[entry.index];
    if (prefix === undefined) continue;
    const name = Buffer.concat([nameFromText(prefix), entry.name]);
    const key = nameKey(name);
    if (attributes.has(key)) continue;
    const value = await readValue(volume, inodes, inode, entry, signal);
    const isAcl = entry.index === ACL_ACCESS || entry.index === ACL_DEFAULT;
    const structure = `inode ${inode.number}, access control list`;
    attributes.set(key, { name, value: isAcl ? linuxAcl(new Cursor(value, { format: "ext4", structure })) : value });
  }
  return [...attributes.values()];
}

async function blockAttributes(volume: Volume, inode: Inode, signal?: AbortSignal): Promise<AttributeEntry[]> {
  const block = inode.attributeBlock;
  const { superblock } = volume;
  if (!liesInside(superblock, block))
    throw inodeCorruption(inode.number, `attribute block ${block} lies outside the file system`);
  const cursor = new Cursor(await readBlock(volume, block, signal), {
    format: "ext4",
    structure: `inode ${inode.number}, attribute block ${block}`,
    byteOffset: block * superblock.blockSize,
  });
  if (cursor.u32le(0) !== BLOCK_MAGIC || cursor.u32le(8) !== 1)
    throw cursor.corrupt("header is not one of an attribute block");
  if (superblock.checksumSeed !== undefined) {
    const computed = crc32cWithout(crc32cOfU64(superblock.checksumSeed, block), cursor.bytes, CHECKSUM_OFFSET, 4);
    if (computed !== cursor.u32le(CHECKSUM_OFFSET)) throw cursor.corrupt("checksum does not match");
  }
  return parseAttributeEntries(cursor, BLOCK_HEADER, 0);
}

async function readValue(
  volume: Volume,
  inodes: InodeTable,
  owner: Inode,
  entry: AttributeEntry,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { xattrValue } = volume.limits;
  if (entry.valueSize > xattrValue)
    throw new LimitError("xattrValue", xattrValue, `ext4 inode ${owner.number}: attribute value`);
  if (entry.value instanceof Uint8Array) return new Uint8Array(entry.value);
  const holder = await inodes.read(entry.value.inode, signal);
  const damaged = (problem: string): CorruptDataError =>
    inodeCorruption(owner.number, `attribute value in inode ${holder.number}: ${problem}`);
  if (!inodeHas(holder, INODE_FLAG.EA_INODE)) throw damaged("not an attribute inode");
  if (holder.size !== entry.valueSize) throw damaged(`${holder.size} bytes instead of ${entry.valueSize}`);
  const value = await openContent(volume, holder).read(0, holder.size, signal);
  if (!isWrittenByLustre(holder, owner) && !hashesMatch(volume, holder, entry, value))
    throw damaged("hash does not match");
  return value;
}

/** The oldest form has no hash; it names its one owner in the places of modification time and generation. */
function isWrittenByLustre(holder: Inode, owner: Inode): boolean {
  return holder.mtime / 1_000_000_000n === BigInt(owner.number) && holder.generation === owner.generation;
}

/** The value's hash is kept as the holder's access time; the entry's covers its name and that hash. */
function hashesMatch(volume: Volume, holder: Inode, entry: AttributeEntry, value: Uint8Array): boolean {
  const hash = crc32c(volume.superblock.attributeHashSeed, value);
  if (Number(BigInt.asUintN(32, holder.atime / 1_000_000_000n)) !== hash) return false;
  return [false, true].some((signed) => entryHash(entry.name, hash, signed) === entry.hash);
}

/** Some writers took name bytes for signed characters. */
function entryHash(name: Uint8Array, valueHash: number, signed: boolean): number {
  let hash = 0;
  for (const byte of name) hash = (hash << 5) ^ (hash >>> 27) ^ (signed ? (byte << 24) >> 24 : byte);
  return ((hash << 16) ^ (hash >>> 16) ^ valueHash) >>> 0;
}
