import { compareBytes, nameFromText, nameKey } from "../../../../bytes/byte-name.ts";
import { Cursor } from "../../../../bytes/cursor.ts";
import { LimitError } from "../../../../errors.ts";
import type { ExtendedAttribute } from "../../file-system.ts";
import { ForkBlocks } from "../fork-blocks.ts";
import type { Fork, Inode } from "../inode.ts";
import type { AttributeChange } from "../log/intents.ts";
import { readRemote, VALUE_BLOCK } from "../remote-blocks.ts";
import { inodeCorruption, type Volume } from "../volume.ts";
import { readLeaves } from "./leaf.ts";
import { ACL_NAMES, linuxAcl } from "./posix-acl.ts";
import { parseShortAttributes } from "./short-form.ts";
import { ATTRIBUTE_FLAG, type StoredAttribute } from "./stored-attribute.ts";

/** Parent pointers and attributes whose writing was cut short are not shown. */
const NAMESPACES = ATTRIBUTE_FLAG.ROOT | ATTRIBUTE_FLAG.SECURE | ATTRIBUTE_FLAG.PARENT;
const HIDDEN = ATTRIBUTE_FLAG.PARENT | ATTRIBUTE_FLAG.INCOMPLETE;

/**
 * The extended attributes of an inode as Linux lists them: access control lists appear under both the name that
 * XFS stores and the one that all file systems share.
 * @throws CorruptDataError, LimitError
 */
export async function readAttributes(volume: Volume, inode: Inode, signal?: AbortSignal): Promise<ExtendedAttribute[]> {
  const attributes: ExtendedAttribute[] = [];
  const changes = volume.unfinished?.attributes.filter((each) => each.inode === inode.number) ?? [];
  for (const { fork, stored } of await finishedList(volume, inode, changes, signal)) {
    if ((stored.flags & HIDDEN) !== 0) continue;
    const value = await readValue(volume, { inode, fork, stored }, signal);
    attributes.push({ name: linuxName(stored), value });
    const acl = (stored.flags & ATTRIBUTE_FLAG.ROOT) === 0 ? undefined : ACL_NAMES.get(nameKey(stored.name));
    if (acl === undefined) continue;
    const cursor = new Cursor(value, { format: "xfs", structure: `inode ${inode.number}, ${acl}` });
    attributes.push({ name: nameFromText(acl), value: linuxAcl(cursor) });
  }
  return attributes;
}

/** The attributes with the changes that were announced in the log and never made. */
async function finishedList(
  volume: Volume,
  inode: Inode,
  changes: readonly AttributeChange[],
  signal?: AbortSignal,
): Promise<{ fork: Fork | undefined; stored: StoredAttribute }[]> {
  const fork = inode.attributes;
  const list = fork === undefined ? [] : await readFork(volume, inode, fork, signal);
  const isOf = (change: AttributeChange, { flags, name }: StoredAttribute): boolean =>
    (flags & NAMESPACES) === change.namespace && compareBytes(name, change.name) === 0;
  const kept = list
    .filter((stored) => !changes.some((change) => isOf(change, stored)))
    .map((stored) => ({ fork, stored }));
  const last = changes.filter(
    (change, index) => !changes.slice(index + 1).some((later) => isOf(change, asStored(later))),
  );
  const added = last.filter(({ value }) => value !== undefined).map((change) => ({ fork, stored: asStored(change) }));
  return [...kept, ...added];
}

function asStored({ namespace, name, value = new Uint8Array() }: AttributeChange): StoredAttribute {
  return { flags: namespace, name, value };
}

function readFork(
  volume: Volume,
  inode: Inode,
  fork: Fork,
  signal?: AbortSignal,
): Promise<StoredAttribute[]> | StoredAttribute[] {
  if (fork.format === "local") {
    return parseShortAttributes(
      new Cursor(fork.bytes, { format: "xfs", structure: `inode ${inode.number}, attributes` }),
    );
  }
  if (fork.extents === 0) return [];
  const blocks = new ForkBlocks(volume, inode, fork, "attribute");
  return readLeaves({ superblock: volume.superblock, owner: inode.number, blocks }, signal);
}

async function readValue(
  volume: Volume,
  { inode, fork, stored }: { inode: Inode; fork: Fork | undefined; stored: StoredAttribute },
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { value } = stored;
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (fork === undefined) throw inodeCorruption(inode.number, "an attribute's value is missing");
  const { xattrValue } = volume.limits;
  if (value.size > xattrValue) {
    throw new LimitError("xattrValue", xattrValue, `xfs inode ${inode.number}: attribute value`);
  }
  return readRemote(volume, { inode, fork, ...value, kind: VALUE_BLOCK }, signal);
}

function linuxName({ flags, name }: StoredAttribute): Uint8Array {
  const prefix =
    (flags & ATTRIBUTE_FLAG.ROOT) !== 0 ? "trusted." : (flags & ATTRIBUTE_FLAG.SECURE) !== 0 ? "security." : "user.";
  return Buffer.concat([nameFromText(prefix), name]);
}
