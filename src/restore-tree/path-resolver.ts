/**
 * The one way from a path to a node. Every edge (HTTP, SFTP, scp, rsync, CLI) comes through here, so the
 * rule that a guest's symlinks stay inside that guest has exactly one place to be right.
 */
import { displayName, splitPath } from "../bytes/byte-name.ts";
import type { Limits } from "../bytes/limits.ts";
import { LimitError, PathError } from "../errors.ts";
import type { PlacedNode } from "./placed-node.ts";
import type { ResolveOptions } from "./tree-node.ts";

/** Bytes: 255 UTF-16 units of NTFS and exFAT take up to three bytes each; ext4 and XFS end at 255 bytes. */
const LONGEST_NAME = 765;

export type ResolverLimits = Pick<Limits, "pathDepth" | "symlinks" | "symlinkTarget">;

interface Component {
  readonly name: Uint8Array;
  /** Written by a guest (in a symlink) rather than by the client: `..` then stops at the guest's root. */
  readonly fromGuest: boolean;
}

/** State of one resolution: where it stands, and what of the path is still ahead (last first). */
class Resolution {
  readonly #shown: string;
  readonly #limits: ResolverLimits;
  readonly #ahead: Component[] = [];
  #current: PlacedNode;
  #links = 0;
  #mustBeDirectory = false;

  constructor(start: PlacedNode, path: Uint8Array, limits: ResolverLimits) {
    this.#current = start;
    this.#shown = displayName(path);
    this.#limits = limits;
    this.#push(path, false);
  }

  async run(followLast: boolean, signal?: AbortSignal): Promise<PlacedNode> {
    for (let component = this.#ahead.pop(); component !== undefined; component = this.#ahead.pop()) {
      signal?.throwIfAborted();
      if (this.#current.type !== "directory") throw this.#failure("not-a-directory");
      if (isParent(component.name)) this.#ascend(component);
      else await this.#descend(component, followLast, signal);
    }
    if (this.#mustBeDirectory && this.#current.type !== "directory") throw this.#failure("not-a-directory");
    return this.#current;
  }

  #failure(failure: PathError["failure"]): PathError {
    return new PathError(failure, this.#shown);
  }

  #push(path: Uint8Array, fromGuest: boolean): void {
    if (path.includes(0)) throw this.#failure("invalid-path");
    // A trailing slash counts only at the very end of what is ahead; elsewhere a name follows anyway.
    if (this.#ahead.length === 0 && path.at(-1) === 0x2f) this.#mustBeDirectory = true;
    const names = splitPath(path);
    if (this.#ahead.length + names.length > this.#limits.pathDepth) {
      throw new LimitError("pathDepth", this.#limits.pathDepth, `path of ${names.length} names`);
    }
    for (const name of names.reverse()) this.#ahead.push({ name, fromGuest });
  }

  #ascend(component: Component): void {
    const stays = component.fromGuest && this.#current === this.#current.guestRoot;
    if (!stays) this.#current = this.#current.parent ?? this.#current;
  }

  async #descend(component: Component, followLast: boolean, signal?: AbortSignal): Promise<void> {
    if (component.name.length > LONGEST_NAME) throw this.#failure("invalid-path");
    const child = await this.#current.child(component.name, signal);
    if (child === undefined) throw this.#failure("not-found");
    const isLast = this.#ahead.length === 0 && !this.#mustBeDirectory;
    if (child.type === "symlink" && (followLast || !isLast)) await this.#follow(child, signal);
    else this.#current = child;
  }

  async #follow(link: PlacedNode, signal?: AbortSignal): Promise<void> {
    this.#links++;
    if (this.#links > this.#limits.symlinks) throw this.#failure("too-many-symlinks");
    const target = await link.readLink(signal);
    if (target.length === 0) throw this.#failure("not-found");
    if (target.length > this.#limits.symlinkTarget) {
      throw new LimitError("symlinkTarget", this.#limits.symlinkTarget, `target of ${displayName(link.path)}`);
    }
    this.#push(target, true);
    if (target[0] === 0x2f) this.#current = link.guestRoot ?? this.#current;
  }
}

function isParent(name: Uint8Array): boolean {
  return name.length === 2 && name[0] === 0x2e && name[1] === 0x2e;
}

/**
 * Walks `path` from `start`. A client's `..` climbs up to the root of the tree; one in a symlink only up to the
 * root of the guest that holds the symlink. Behind a followed symlink `..` is the parent of its target.
 * @throws PathError, LimitError (pathDepth, symlinkTarget), and what reading the guest throws.
 */
export function resolvePath(
  start: PlacedNode,
  path: Uint8Array,
  limits: ResolverLimits,
  options: ResolveOptions = {},
): Promise<PlacedNode> {
  return new Resolution(start, path, limits).run(options.followLast ?? true, options.signal);
}
