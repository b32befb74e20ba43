/** Access control lists as Linux hands them out under `system.posix_acl_*` (include/uapi/linux/posix_acl_xattr.h, version 2). */

const VERSION = 2;
const USER = 0x2;
const GROUP = 0x8;
const NO_ID = 0xffffffff;
const ENTRY_SIZE = 8;

export interface AclEntry {
  readonly tag: number;
  readonly permissions: number;
  /** Counts only where `namesSomebody(tag)`. */
  readonly id: number;
}

/** Whether entries of that tag are for one user or group by number. */
export function namesSomebody(tag: number): boolean {
  return tag === USER || tag === GROUP;
}

/** Little-endian: the version, then tag, permissions and number of every entry. */
export function encodeAcl(entries: readonly AclEntry[]): Uint8Array {
  const acl = new Uint8Array(4 + entries.length * ENTRY_SIZE);
  const view = new DataView(acl.buffer);
  view.setUint32(0, VERSION, true);
  for (const [index, { tag, permissions, id }] of entries.entries()) {
    const offset = 4 + index * ENTRY_SIZE;
    view.setUint16(offset, tag, true);
    view.setUint16(offset + 2, permissions, true);
    view.setUint32(offset + 4, namesSomebody(tag) ? id : NO_ID, true);
  }
  return acl;
}
