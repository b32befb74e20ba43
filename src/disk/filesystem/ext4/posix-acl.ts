/** Access control lists as ext stores them (kernel fs/ext4/acl.h). */
import type { Cursor } from "../../../bytes/cursor.ts";
import { type AclEntry, encodeAcl, namesSomebody } from "../posix-acl.ts";

const STORED_VERSION = 1;

/**
 * The list in Linux's form.
 * @throws CorruptDataError when the stored list is cut short or of another version
 */
export function linuxAcl(stored: Cursor): Uint8Array {
  if (stored.u32le(0) !== STORED_VERSION) throw stored.corrupt(`access control list version ${stored.u32le(0)}`);
  const entries: AclEntry[] = [];
  let offset = 4;
  while (offset < stored.length) {
    const tag = stored.u16le(offset);
    const named = namesSomebody(tag);
    entries.push({ tag, permissions: stored.u16le(offset + 2), id: named ? stored.u32le(offset + 4) : 0 });
    offset += named ? 8 : 4;
  }
  return encodeAcl(entries);
}
