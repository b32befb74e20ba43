import { constants, type FileHandle, open } from "node:fs/promises";
import { displayName, nameFromText } from "../bytes/byte-name.ts";
import { SourceError } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";
import { checkRange } from "./check-range.ts";

/** Device files larger than this (8 PiB, the largest safe integer) do not exist. */
const LARGEST_DEVICE = Number.MAX_SAFE_INTEGER;

/** A regular file or a block device, opened read-only. Node cannot ask for its holes, so all of it is data. */
export class FileSource implements ByteSource {
  readonly size: number;
  readonly #file: FileHandle;
  readonly #name: string;
  #closing: Promise<void> | undefined;

  private constructor(file: FileHandle, name: string, size: number) {
    this.#file = file;
    this.#name = name;
    this.size = size;
  }

  /** @throws SourceError when the file cannot be opened or is neither a regular file nor a block device. */
  static async open(path: string): Promise<FileSource> {
    const name = displayName(nameFromText(path));
    // O_NONBLOCK keeps a FIFO put in place of the file from hanging the open; it changes nothing for files and disks.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
      throw fileError(name, "cannot be opened", cause);
    });
    try {
      const stat = await file.stat();
      if (stat.isFile()) return new FileSource(file, name, stat.size);
      if (stat.isBlockDevice()) return new FileSource(file, name, await deviceSize(file));
      throw new SourceError(`${name}: is neither a regular file nor a block device`, { retryable: false });
    } catch (cause) {
      await file.close();
      throw cause instanceof SourceError ? cause : fileError(name, "cannot be examined", cause);
    }
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    checkRange(offset, length, this.size, this.#name);
    if (this.#closing !== undefined) throw new SourceError(`${this.#name}: is closed`, { retryable: false });
    const bytes = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.#readSome(bytes, filled, offset + filled);
      if (bytesRead === 0) {
        const range = `bytes ${offset} to ${offset + length}`;
        throw new SourceError(
          `${this.#name}: ends at byte ${offset + filled}, before ${range}: the file was cut short`,
          {
            retryable: false,
          },
        );
      }
      filled += bytesRead;
      signal?.throwIfAborted();
    }
    return bytes;
  }

  #readSome(bytes: Uint8Array, filled: number, position: number): Promise<{ bytesRead: number }> {
    return this.#file.read(bytes, filled, bytes.length - filled, position).catch((cause: unknown) => {
      throw fileError(this.#name, `bytes ${position} to ${position + bytes.length - filled} cannot be read`, cause);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#file.close();
    return this.#closing;
  }
}

/**
 * Devices report a size of zero and Node has no ioctl, so the end is found by bisecting with one-byte reads,
 * which come back empty behind the end: about a hundred reads whatever the size.
 */
async function deviceSize(file: FileHandle): Promise<number> {
  const byte = new Uint8Array(1);
  const readable = async (position: number) => (await file.read(byte, 0, 1, position)).bytesRead === 1;
  if (!(await readable(0))) return 0;
  let inside = 0;
  let behind = 1;
  while (behind < LARGEST_DEVICE && (await readable(behind))) {
    inside = behind;
    behind = Math.min(behind * 2, LARGEST_DEVICE);
  }
  while (behind - inside > 1) {
    const middle = inside + Math.floor((behind - inside) / 2);
    if (await readable(middle)) inside = middle;
    else behind = middle;
  }
  return behind;
}

/** The failures people meet, in the system's own words. */
const SYSTEM_WORDS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EISDIR: "is a directory",
  EIO: "input/output error",
};

function fileError(name: string, problem: string, cause: unknown): SourceError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  const detail = SYSTEM_WORDS[code] ?? code;
  return new SourceError(`${name}: ${problem} (${detail})`, { retryable: false, cause });
}
