/** Contents kept in the inode itself (kernel Documentation/filesystems/ext4/inlinedata.rst). */
import { Cursor } from "../../../bytes/cursor.ts";
import { type AttributeEntry, parseAttributeEntries } from "./attribute-entry.ts";
import { type Inode, inodeCorruption } from "./inode.ts";

const ATTRIBUTE_MAGIC = 0xea020000;
const SYSTEM = 7;

/** Attributes kept behind the inode's fields. @throws CorruptDataError when their list is damaged */
export function inodeAttributes(inode: Inode): AttributeEntry[] {
  const cursor = new Cursor(inode.attributeArea, {
    format: "ext4",
    structure: `inode ${inode.number}, extended attributes`,
  });
  if (cursor.length < 4 || cursor.u32le(0) !== ATTRIBUTE_MAGIC) return [];
  return parseAttributeEntries(cursor, 4, 4);
}

/** Whether an attribute is the second part of inline data, which Linux does not show. */
function isInlineData(entry: AttributeEntry): boolean {
  return entry.index === SYSTEM && Buffer.from(entry.name).toString("latin1") === "data";
}

/** The two parts: what fits into i_block, and the rest in the hidden attribute `system.data`. */
export function inlineParts(inode: Inode): [Uint8Array, Uint8Array] {
  const value = inodeAttributes(inode).find(isInlineData)?.value ?? new Uint8Array(0);
  if (!(value instanceof Uint8Array)) throw inodeCorruption(inode.number, "inline data lies in another inode");
  return [inode.blockArea, value];
}

/** All bytes of an inline file or link. @throws CorruptDataError when fewer are stored than its size says */
export function inlineContent(inode: Inode): Uint8Array {
  const content = Buffer.concat(inlineParts(inode));
  if (content.length < inode.size) {
    throw inodeCorruption(inode.number, `${content.length} bytes of inline data for a size of ${inode.size}`);
  }
  return content.subarray(0, inode.size);
}
