/** POSIX access control lists: from Linux's attribute (include/uapi/linux/posix_acl_xattr.h) to rsync's form (acls.c). */
import { nameKey } from "../../../bytes/byte-name.ts";
import type { ExtendedAttribute } from "../../../disk/filesystem/file-system.ts";
import type { WireWriter } from "./wire-writer.ts";

const ACCESS = "system.posix_acl_access";
const DEFAULT = "system.posix_acl_default";
const VERSION = 2;

const Tag = { USER_OBJ: 1, USER: 2, GROUP_OBJ: 4, GROUP: 8, MASK: 16, OTHER: 32 } as const;
const Part = { USER_OBJ: 1, GROUP_OBJ: 2, MASK: 4, OTHER: 8, NAMES: 16 } as const;
const NAME_IS_USER = 2;

interface Acl {
  userObject?: number;
  groupObject?: number;
  mask?: number;
  other?: number;
  readonly names: { readonly id: number; readonly access: number; readonly isUser: boolean }[];
}

/** Lists are sent once and named by their number afterwards. */
export class AclSender {
  readonly #writer: WireWriter;
  readonly #access = new Map<string, number>();
  readonly #default = new Map<string, number>();

  constructor(writer: WireWriter) {
    this.#writer = writer;
  }

  /** @param mode permission bits; what they already say is left out. */
  send(attributes: readonly ExtendedAttribute[], mode: number, isDirectory: boolean): void {
    this.#sendList(this.#access, withoutMode(parse(attributes, ACCESS), mode));
    if (isDirectory) this.#sendList(this.#default, parse(attributes, DEFAULT) ?? { names: [] });
  }

  #sendList(sent: Map<string, number>, acl: Acl): void {
    const key = JSON.stringify(acl);
    const known = sent.get(key);
    this.#writer.varint(known === undefined ? 0 : known + 1);
    if (known !== undefined) return;
    sent.set(key, sent.size);
    const { userObject, groupObject, mask, other, names } = acl;
    const has = (value: number | undefined, part: number) => (value === undefined ? 0 : part);
    this.#writer.byte(
      has(userObject, Part.USER_OBJ) |
        has(groupObject, Part.GROUP_OBJ) |
        has(mask, Part.MASK) |
        has(other, Part.OTHER) |
        (names.length > 0 ? Part.NAMES : 0),
    );
    for (const value of [userObject, groupObject, mask, other]) if (value !== undefined) this.#writer.varint(value);
    if (names.length === 0) return;
    this.#writer.varint(names.length);
    for (const { id, access, isUser } of names) {
      this.#writer.varint(id);
      this.#writer.varint((access << 2) | (isUser ? NAME_IS_USER : 0));
    }
  }
}

/** Undefined when there is none, or one Linux would not understand either. */
function parse(attributes: readonly ExtendedAttribute[], name: string): Acl | undefined {
  const value = attributes.find((attribute) => nameKey(attribute.name) === name)?.value;
  if (value === undefined || value.length < 4 || value.length % 8 !== 4) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (view.getUint32(0, true) !== VERSION) return undefined;
  const acl: Acl = { names: [] };
  for (let offset = 4; offset < value.length; offset += 8) {
    const tag = view.getUint16(offset, true);
    const access = view.getUint16(offset + 2, true) & 7;
    const id = view.getUint32(offset + 4, true);
    if (tag === Tag.USER_OBJ) acl.userObject = access;
    else if (tag === Tag.GROUP_OBJ) acl.groupObject = access;
    else if (tag === Tag.MASK) acl.mask = access;
    else if (tag === Tag.OTHER) acl.other = access;
    else if (tag === Tag.USER || tag === Tag.GROUP) acl.names.push({ id, access, isUser: tag === Tag.USER });
  }
  return acl;
}

/** rsync_acl_strip_perms(): the receiver takes these from the mode. */
function withoutMode(acl: Acl | undefined, mode: number): Acl {
  if (acl === undefined) return { names: [] };
  const groupBits = (mode >> 3) & 7;
  const kept: Acl = { names: acl.names };
  if (acl.mask === undefined) return kept;
  if (acl.groupObject !== undefined && acl.groupObject !== groupBits) kept.groupObject = acl.groupObject;
  if (acl.names.length === 0 || acl.mask !== groupBits) kept.mask = acl.mask;
  return kept;
}
