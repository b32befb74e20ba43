/** POSIX ACLs as the kernel stores them in `system.posix_acl_*`, turned into the text tar readers take. */

/** `struct posix_acl_xattr_header`: version; entries of tag, permissions (16 bits each) and id (32), little-endian. */
const VERSION = 2;
const HEADER_SIZE = 4;
const ENTRY_SIZE = 8;

const TAGS: Record<number, { readonly name: string; readonly named: boolean }> = {
  1: { name: "user", named: false },
  2: { name: "user", named: true },
  4: { name: "group", named: false },
  8: { name: "group", named: true },
  16: { name: "mask", named: false },
  32: { name: "other", named: false },
};

/** `user::rwx,user:1001:r-x,…` with numeric ids, or undefined for what is no ACL of the known kind. */
export function posixAclText(value: Uint8Array): string | undefined {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const count = (value.length - HEADER_SIZE) / ENTRY_SIZE;
  if (!Number.isInteger(count) || count < 0 || view.getUint32(0, true) !== VERSION) return undefined;
  const entries: string[] = [];
  for (let index = 0; index < count; index++) {
    const at = HEADER_SIZE + index * ENTRY_SIZE;
    const tag = TAGS[view.getUint16(at, true)];
    if (tag === undefined) return undefined;
    const permissions = view.getUint16(at + 2, true);
    const letters = ["r", "w", "x"].map((letter, bit) => ((permissions >> (2 - bit)) & 1 ? letter : "-")).join("");
    entries.push(`${tag.name}:${tag.named ? view.getUint32(at + 4, true) : ""}:${letters}`);
  }
  return entries.join(",");
}
