import { nameFromText } from "../../../bytes/byte-name.ts";
import { inDiskOrder } from "../../../restore-tree/disk-order.ts";
import type { RestoreTree, TreeChild, TreeNode } from "../../../restore-tree/tree-node.ts";
import { encodeAttributes, encodeTypeOnly, longName, unreadableLongName } from "./attributes.ts";
import { MAX_NAMES_LENGTH } from "./protocol.ts";
import type { ReadAheadBudget } from "./read-ahead.ts";
import { nameLength, type ReplyName } from "./reply.ts";

/** Entries whose inodes are read at the same time. */
const STAT_CONCURRENCY = 64;
/** Children gathered to be asked for in the order of the disk: about thirteen megabytes. */
const CHILDREN_AHEAD = 32_768;

/** A directory opened by SSH_FXP_OPENDIR: lists itself in batches of one reply. */
export class DirectoryHandle {
  readonly kind = "directory";
  readonly node: TreeNode;
  readonly #tree: RestoreTree;
  readonly #signal: AbortSignal;
  readonly #budget: ReadAheadBudget | undefined;
  readonly #batches: AsyncIterator<readonly TreeChild[]>;
  #children: readonly TreeChild[] = [];
  #position = 0;
  #entries: ReplyName[] | undefined;
  #previous: Promise<unknown> = Promise.resolve();

  /** @param budget of directories that may be read ahead; beyond it, in the order they have themselves. */
  constructor(tree: RestoreTree, node: TreeNode, budget: ReadAheadBudget, signal: AbortSignal) {
    this.#tree = tree;
    this.node = node;
    this.#signal = signal;
    this.#budget = budget.tryTake() ? budget : undefined;
    const batches = node.list({ signal });
    const ordered = this.#budget === undefined ? batches : inDiskOrder(batches, CHILDREN_AHEAD);
    this.#batches = ordered[Symbol.asyncIterator]();
  }

  /** The next reply's entries, `.` and `..` first; undefined at the end. Calls queue up behind each other. */
  next(): Promise<readonly ReplyName[] | undefined> {
    const batch = this.#previous.then(() => this.#nextBatch());
    this.#previous = batch.catch(() => undefined);
    return batch;
  }

  async close(): Promise<void> {
    await this.#previous;
    this.#children = [];
    this.#budget?.give();
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
