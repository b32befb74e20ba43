import { nameFromText } from "../../../bytes/byte-name.ts";
import type { RestoreTree, TreeChild, TreeNode } from "../../../restore-tree/tree-node.ts";
import { encodeAttributes, encodeTypeOnly, longName, unreadableLongName } from "./attributes.ts";
import { MAX_NAMES_LENGTH } from "./protocol.ts";
import { nameLength, type ReplyName } from "./reply.ts";

/** Entries whose inodes are read at the same time. */
const STAT_CONCURRENCY = 64;

/** A directory opened by SSH_FXP_OPENDIR: lists itself in batches of one reply, in disk order. */
export class DirectoryHandle {
  readonly kind = "directory";
  readonly node: TreeNode;
  readonly #tree: RestoreTree;
  readonly #signal: AbortSignal;
  readonly #batches: AsyncIterator<readonly TreeChild[]>;
  #children: readonly TreeChild[] = [];
  #position = 0;
  #entries: ReplyName[] | undefined;
  #previous: Promise<unknown> = Promise.resolve();

  constructor(tree: RestoreTree, node: TreeNode, signal: AbortSignal) {
    this.#tree = tree;
    this.node = node;
    this.#signal = signal;
    this.#batches = node.list({ signal })[Symbol.asyncIterator]();
  }

  /** The next reply's entries, `.` and `..` first; undefined at the end. Calls queue up behind each other. */
  next(): Promise<readonly ReplyName[] | undefined> {
    const batch = this.#previous.then(() => this.#nextBatch());
    this.#previous = batch.catch(() => undefined);
    return batch;
  }

  async close(): Promise<void> {
    await this.#previous;
    await this.#batches.return?.();
  }

  async #nextBatch(): Promise<readonly ReplyName[] | undefined> {
    this.#entries ??= await this.#dots();
    const batch: ReplyName[] = [];
    let length = 0;
    for (;;) {
      const entries = this.#entries;
      const fitting = countFitting(entries, MAX_NAMES_LENGTH - length);
      length += entries.slice(0, fitting).reduce((sum, entry) => sum + nameLength(entry), 0);
      batch.push(...entries.splice(0, fitting));
      if (entries.length > 0) return batch;
      const children = await this.#nextChildren(batch.length > 0);
      if (children === undefined) return batch.length === 0 ? undefined : batch;
      this.#entries = await Promise.all(children.map((child) => this.#describe(child.name, child)));
    }
  }

  /** What was read before a failure is still sent; the failure answers the next request. */
  async #nextChildren(hasEntries: boolean): Promise<readonly TreeChild[] | undefined> {
    while (this.#position === this.#children.length) {
      if (this.#failure !== undefined) throw this.#failure.error;
      try {
        const { done, value } = await this.#batches.next();
        if (done === true) return undefined;
        this.#children = value;
        this.#position = 0;
      } catch (error) {
        this.#failure = { error };
        if (hasEntries) return undefined;
      }
    }
    const children = this.#children.slice(this.#position, this.#position + STAT_CONCURRENCY);
    this.#position += children.length;
    return children;
  }

  #failure: { readonly error: unknown } | undefined;

  async #dots(): Promise<ReplyName[]> {
    const parent = Buffer.concat([this.node.path, nameFromText("/..")]);
    const above = await this.#tree.resolve(parent, { signal: this.#signal });
    return Promise.all([
      this.#describe(nameFromText("."), { node: this.node, type: "directory" }),
      this.#describe(nameFromText(".."), { node: above, type: "directory" }),
    ]);
  }

  /** An inode that cannot be read never hides its entry; asking for it by name tells why. */
  async #describe(name: Uint8Array, child: Pick<TreeChild, "node" | "type">): Promise<ReplyName> {
    try {
      const stat = await child.node.stat(this.#signal);
      return { name, longName: longName(name, stat), attributes: encodeAttributes(stat) };
    } catch {
      return { name, longName: unreadableLongName(name, child.type), attributes: encodeTypeOnly(child.type) };
    }
  }
}

/** Names that fit into so many bytes, at least one when it is the first of a reply. */
function countFitting(entries: readonly ReplyName[], room: number): number {
  let left = room;
  let count = 0;
  for (const entry of entries) {
    left -= nameLength(entry);
    if (left < 0 && !(count === 0 && room === MAX_NAMES_LENGTH)) break;
    count++;
  }
  return count;
}
