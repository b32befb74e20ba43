/** Access control lists as XFS stores them, under names of its own (kernel fs/xfs/xfs_acl.c, libxfs/xfs_format.h). */
import type { Cursor } from "../../../../bytes/cursor.ts";
import { encodeAcl } from "../../posix-acl.ts";

const HEADER_SIZE = 4;
const ENTRY_SIZE = 12;

/** Names in the trusted namespace, and what Linux calls the lists they hold. */
export const ACL_NAMES: ReadonlyMap<string, string> = new Map([
  ["SGI_ACL_FILE", "system.posix_acl_access"],
  ["SGI_ACL_DEFAULT", "system.posix_acl_default"],
]);

/** The list in Linux's form. @throws CorruptDataError when its length does not fit its count */
export function linuxAcl(stored: Cursor): Uint8Array {
  const count = stored.u32be(0);
  if (stored.length !== HEADER_SIZE + count * ENTRY_SIZE)
    throw stored.corrupt(`access control list of ${count} entries does not fit`);
  return encodeAcl(
    Array.from({ length: count }, (_, index) => {
      const offset = HEADER_SIZE + index * ENTRY_SIZE;
      return { tag: stored.u32be(offset), id: stored.u32be(offset + 4), permissions: stored.u16be(offset + 8) };
    }),
  );
}
