import { createHash } from "node:crypto";

export interface GuestAttributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Values as the kernel shows them. */
  readonly xattrs?: Readonly<Record<string, Buffer>>;
}

export type GuestNode =
  | { readonly type: "directory" }
  | {
      readonly type: "file";
      readonly content: Buffer /** Bytes; what lies behind the content is a hole. */;
      readonly size?: number;
    }
  | { readonly type: "symlink"; readonly target: string }
  /** Another name of a file in the same tree. */
  | { readonly type: "hard-link"; readonly target: string };

export type GuestFile = GuestNode & GuestAttributes;

/** Absolute path, one UTF-16 unit a byte, so that any name can stand in it; parents before children. */
export type GuestTree = ReadonlyMap<string, GuestFile>;

interface Options {
  readonly mode?: number;
  readonly owner?: number;
  readonly xattrs?: Readonly<Record<string, Buffer>>;
}

/** Collects a tree; every file of it is `at` that time unless told otherwise. */
export class GuestTreeBuilder {
  readonly tree = new Map<string, GuestFile>();
  #at = 0;

  /** @param time RFC 3339, for what is added next. */
  at(time: string): this {
    this.#at = Date.parse(time) / 1000;
    return this;
  }

  directory(path: string, options: Options = {}): this {
    return this.#add(path, { type: "directory" }, { mode: 0o755, ...options });
  }

  file(path: string, content: string | Buffer, options: Options & { readonly size?: number } = {}): this {
    const { size, ...rest } = options;
    const node = {
      type: "file" as const,
      content: Buffer.from(content as string),
      ...(size !== undefined && { size }),
    };
    return this.#add(path, node, { mode: 0o644, ...rest });
  }

  symlink(path: string, target: string): this {
    return this.#add(path, { type: "symlink", target }, { mode: 0o777 });
  }

  hardLink(path: string, target: string): this {
    return this.#add(path, { type: "hard-link", target }, {});
  }

  remove(...paths: readonly string[]): this {
    for (const path of paths) {
      if (!this.tree.delete(bytesOf(path))) throw new Error(`${path} is not there to be removed`);
    }
    return this;
  }

  /** Adds to the end of a text file. */
  append(path: string, text: string): this {
    const file = this.tree.get(bytesOf(path));
    if (file?.type !== "file") throw new Error(`${path} is no file`);
    const content = Buffer.concat([file.content, Buffer.from(text)]);
    this.tree.set(bytesOf(path), { ...file, content, mtime: this.#at });
    return this;
  }

  #add(path: string, node: GuestNode, { mode = 0o644, owner = 0, xattrs }: Options): this {
    const attributes = { mode, uid: owner, gid: owner, mtime: this.#at, ...(xattrs && { xattrs }) };
    this.tree.set(bytesOf(path), { ...node, ...attributes });
    return this;
  }
}

/** Text as UTF-8, a byte a unit; a unit in U+DC80 to U+DCFF is that lone byte, as Python's surrogateescape has it. */
function bytesOf(path: string): string {
  return path.replace(/./gsu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xdc80 && code <= 0xdcff) return String.fromCharCode(code - 0xdc00);
    return Buffer.from(character).toString("latin1");
  });
}

export function sha256(content: Buffer, size = content.length): string {
  return createHash("sha256")
    .update(content)
    .update(Buffer.alloc(size - content.length))
    .digest("hex");
}
