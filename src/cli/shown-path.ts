import { displayName, plainName } from "../bytes/byte-name.ts";
import { childPath } from "../restore-tree/placed-node.ts";
import type { TypeKnown, WalkEntry } from "../restore-tree/walk.ts";

/**
 * Paths of a walk's entries for people, as displayName would show them, with what entries of one directory have in
 * common put together once.
 */
export class ShownPath {
  readonly #start: Uint8Array;
  #directory: WalkEntry<TypeKnown> | undefined;
  /** Text up to the entry's name; undefined where something in it has to be escaped. */
  #prefix: string | undefined;

  /** @param start path of where the walk starts */
  constructor(start: Uint8Array) {
    this.#start = start;
  }

  of(entry: WalkEntry<TypeKnown>): string {
    if (entry.directory === undefined) return displayName(this.#start);
    if (entry.directory !== this.#directory) {
      this.#directory = entry.directory;
      // A name's own bytes are still to come, so that the path ends with the slash before them.
      this.#prefix = plainName(this.#pathOf(entry.directory, Uint8Array.of()));
    }
    const name = this.#prefix === undefined ? undefined : plainName(entry.name);
    return name === undefined ? displayName(this.#pathOf(entry.directory, entry.name)) : `${this.#prefix}${name}`;
  }

  #pathOf(directory: WalkEntry<TypeKnown>, name: Uint8Array): Uint8Array {
    return childPath(directory.path.length === 0 ? this.#start : childPath(this.#start, directory.path), name);
  }
}
