import { CorruptDataError, LimitError } from "../../../errors.ts";
import type { DirectoryHandle } from "./directory-handle.ts";
import type { FileHandle } from "./file-handle.ts";

export type Handle = FileHandle | DirectoryHandle;

/** The handles of one session. A handle on the wire is four bytes; numbers are not used twice. */
export class HandleTable {
  readonly #limit: number;
  readonly #handles = new Map<number, Handle>();
  #reserved = 0;
  #last = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Counts `open` as a handle from the start, so that many opens under way cannot exceed the limit together.
   * @throws LimitError
   */
  async add(open: () => Promise<Handle>): Promise<Uint8Array> {
    if (this.#handles.size + this.#reserved >= this.#limit) {
      throw new LimitError("handles", this.#limit, "open files and directories of this session");
    }
    this.#reserved++;
    try {
      const handle = await open();
      this.#last++;
      this.#handles.set(this.#last, handle);
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(this.#last, 0);
      return bytes;
    } finally {
      this.#reserved--;
    }
  }

  /** @throws CorruptDataError when the client has no such handle. */
  get(bytes: Uint8Array): Handle {
    return this.#entry(bytes)[1];
  }

  /** @throws CorruptDataError when the client has no such handle. */
  remove(bytes: Uint8Array): Handle {
    const [number, handle] = this.#entry(bytes);
    this.#handles.delete(number);
    return handle;
  }

  removeAll(): readonly Handle[] {
    const handles = [...this.#handles.values()];
    this.#handles.clear();
    return handles;
  }

  #entry(bytes: Uint8Array): [number, Handle] {
    const number = bytes.length === 4 ? Buffer.from(bytes).readUInt32BE(0) : 0;
    const handle = this.#handles.get(number);
    if (handle === undefined) throw new CorruptDataError({ format: "sftp", structure: "handle" }, "is not open");
    return [number, handle];
  }
}
