/**
 * Access control lists as ext stores them, and as Linux hands them out under `system.posix_acl_access`
 * (kernel fs/ext4/acl.h; include/uapi/linux/posix_acl_xattr.h, version 2).
 */
import type { Cursor } from "../../../bytes/cursor.ts";

const STORED_VERSION = 1;
const LINUX_VERSION = 2;
const USER = 0x2;
const GROUP = 0x8;
const NO_ID = 0xffffffff;

/** @throws CorruptDataError when the stored list is cut short or of another version */
export function linuxAcl(stored: Cursor): Uint8Array {
  if (stored.u32le(0) !== STORED_VERSION) throw stored.corrupt(`access control list version ${stored.u32le(0)}`);
  const entries: { tag: number; permissions: number; id: number }[] = [];
  let offset = 4;
  while (offset < stored.length) {
    const tag = stored.u16le(offset);
    const named = tag === USER || tag === GROUP;
    entries.push({ tag, permissions: stored.u16le(offset + 2), id: named ? stored.u32le(offset + 4) : NO_ID });
    offset += named ? 8 : 4;
  }
  const acl = new Uint8Array(4 + entries.length * 8);
  const view = new DataView(acl.buffer);
  view.setUint32(0, LINUX_VERSION, true);
  for (const [index, { tag, permissions, id }] of entries.entries()) {
    view.setUint16(4 + index * 8, tag, true);
    view.setUint16(6 + index * 8, permissions, true);
    view.setUint32(8 + index * 8, id, true);
  }
  return acl;
}
