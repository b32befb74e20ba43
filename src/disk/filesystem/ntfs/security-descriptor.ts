/** Self-relative security descriptors ([MS-DTYP] section 2.4.6). */
import { Cursor } from "../../../bytes/cursor.ts";

const HEADER = 20;
const OFFSET = { owner: 4, group: 8, sacl: 12, dacl: 16 };
const SID_REVISION = 1;
const MOST_SUBAUTHORITIES = 15;
const SID_HEADER = 8;
const ACL_HEADER = 8;
const ACL_REVISIONS = [2, 4];
const ACE_HEADER = 4;
/** Allow, deny, audit, alarm: an access mask, then the identifier. */
const LAST_PLAIN_TYPE = 3;
const PLAIN_ACE_SID = 8;

function open(descriptor: Uint8Array): Cursor {
  return new Cursor(descriptor, { format: "ntfs", structure: "security descriptor" });
}

/** @throws CorruptDataError when an identifier or access control list lies outside or contradicts itself */
export function checkDescriptor(descriptor: Uint8Array): void {
  const cursor = open(descriptor);
  if (cursor.u8(0) !== 1) throw cursor.corrupt(`revision ${cursor.u8(0)}`);
  for (const field of [OFFSET.owner, OFFSET.group]) {
    const sid = cursor.u32le(field);
    if (sid !== 0) checkSid(cursor, sid);
  }
  for (const field of [OFFSET.sacl, OFFSET.dacl]) {
    const acl = cursor.u32le(field);
    if (acl !== 0) checkAcl(cursor, acl);
  }
}

function checkSid(cursor: Cursor, sid: number): void {
  const count = cursor.u8(sid + 1);
  if (sid < HEADER || cursor.u8(sid) !== SID_REVISION || count > MOST_SUBAUTHORITIES) {
    throw cursor.corrupt(`no security identifier at ${sid}`);
  }
  cursor.slice(sid, SID_HEADER + 4 * count);
}

function checkAcl(cursor: Cursor, acl: number): void {
  const size = cursor.u16le(acl + 2);
  if (acl < HEADER || !ACL_REVISIONS.includes(cursor.u8(acl)) || size < ACL_HEADER) {
    throw cursor.corrupt(`no access control list at ${acl}`);
  }
  const end = acl + size;
  cursor.slice(acl, size);
  let ace = acl + ACL_HEADER;
  for (let remaining = cursor.u16le(acl + 4); remaining > 0; remaining--) {
    const length = ace + ACE_HEADER <= end ? cursor.u16le(ace + 2) : 0;
    if (length < ACE_HEADER || ace + length > end) throw cursor.corrupt(`no access control entry at ${ace}`);
    // The other kinds have more in front of the identifier.
    if (cursor.u8(ace) <= LAST_PLAIN_TYPE) checkSid(cursor, ace + PLAIN_ACE_SID);
    ace += length;
  }
}

/**
 * The owner as Windows writes it, `S-1-5-32-544`; undefined when the descriptor names none.
 * @param descriptor checked by `checkDescriptor`
 */
export function ownerOf(descriptor: Uint8Array): string | undefined {
  const cursor = open(descriptor);
  const sid = cursor.u32le(OFFSET.owner);
  if (sid === 0) return undefined;
  const authority = cursor.u16be(sid + 2) * 2 ** 32 + cursor.u32be(sid + 4);
  const parts = Array.from({ length: cursor.u8(sid + 1) }, (_, index) => cursor.u32le(sid + SID_HEADER + 4 * index));
  return ["S", cursor.u8(sid), authority, ...parts].join("-");
}
