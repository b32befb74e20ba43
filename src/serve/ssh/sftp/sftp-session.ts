import { displayName, joinPath, nameFromText, splitPath } from "../../../bytes/byte-name.ts";
import { CorruptDataError, PathError, VmfrError } from "../../../errors.ts";
import type { RestoreTree, TreeNode } from "../../../restore-tree/tree-node.ts";
import type { Logger } from "../../log.ts";
import type { SessionStream } from "../session-stream.ts";
import { Admission } from "./admission.ts";
import { encodeAttributes, NO_ATTRIBUTES } from "./attributes.ts";
import { DirectoryHandle } from "./directory-handle.ts";
import { FileHandle } from "./file-handle.ts";
import { type Handle, HandleTable } from "./handle-table.ts";
import { defaultSftpLimits, type SftpLimits } from "./limits.ts";
import { PacketReader } from "./packet-reader.ts";
import { MAX_PACKET_LENGTH, MAX_READ_LENGTH, StatusCode, WRITING_OPEN_FLAGS } from "./protocol.ts";
import { ReadAheadBudget } from "./read-ahead.ts";
import {
  attributesReply,
  dataReply,
  extendedReply,
  handleReply,
  nameReply,
  type Reply,
  statusReply,
  string,
  uint64,
  versionReply,
} from "./reply.ts";
import {
  type HandleOperation,
  type PathOperation,
  parseInit,
  parseRequest,
  requestId,
  type SftpRequest,
} from "./request.ts";
import { statusOf } from "./status.ts";

export interface SftpOptions {
  readonly tree: RestoreTree;
  /** Where relative paths and `~` start; absolute, raw bytes. Default the tree's root. */
  readonly home?: Uint8Array;
  readonly logger: Logger;
  readonly limits?: Partial<SftpLimits>;
}

const READ_ONLY = "this server is read-only";
const TILDE = 0x7e;
const SLASH = 0x2f;
/** Unit of the figures in statvfs answers, in bytes. */
const STATVFS_BLOCK = 4096;
/** PROTOCOL 3.4: SSH_FXE_STATVFS_ST_RDONLY and ST_NOSUID. */
const STATVFS_FLAGS = 0x1n | 0x2n;
const NAME_MAX = 255n;

/**
 * Serves one client of the SFTP subsystem until it ends its input. Requests are worked on side by side and answered
 * in the order they came in; a client slower than the disk stops the reading.
 * @returns exit status: 0, or 1 after a packet no answer is possible to.
 */
export async function serveSftp(stream: SessionStream, options: SftpOptions): Promise<number> {
  const session = new SftpSession(stream, options);
  const reader = new PacketReader(MAX_PACKET_LENGTH);
  try {
    for await (const chunk of stream.input) {
      for (const packet of reader.push(chunk)) await session.receive(packet);
    }
    return 0;
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error;
    stream.explain(error.message);
    return 1;
  } finally {
    await session.close();
  }
}

class SftpSession {
  readonly #stream: SessionStream;
  readonly #tree: RestoreTree;
  readonly #home: Uint8Array;
  readonly #logger: Logger;
  readonly #limits: SftpLimits;
  readonly #handles: HandleTable;
  readonly #admission: Admission;
  readonly #readAhead: ReadAheadBudget;
  readonly #readAheadDirectories: ReadAheadBudget;
  #isGreeted = false;
  #explained = 0;
  #lastAnswered: Promise<void> = Promise.resolve();

  constructor(stream: SessionStream, options: SftpOptions) {
    this.#stream = stream;
    this.#tree = options.tree;
    this.#home = options.home ?? Uint8Array.of(SLASH);
    this.#logger = options.logger;
    this.#limits = { ...defaultSftpLimits, ...options.limits };
    this.#handles = new HandleTable(this.#limits.handles);
    this.#admission = new Admission(this.#limits.requests, this.#limits.readBytes);
    this.#readAhead = new ReadAheadBudget(this.#limits.readAheadFiles);
    this.#readAheadDirectories = new ReadAheadBudget(this.#limits.readAheadDirectories);
  }

  /**
   * Takes one packet; resolves when the next may come, before this one is answered.
   * @throws CorruptDataError when it cannot be answered.
   */
  async receive(packet: Uint8Array): Promise<void> {
    if (!this.#isGreeted) {
      parseInit(packet);
      this.#isGreeted = true;
      this.#stream.write(versionReply());
      return;
    }
    const request = await this.#parse(packet);
    if (request === undefined) return;
    const bytes = request.kind === "read" ? Math.min(request.length, MAX_READ_LENGTH) : 0;
    await this.#admission.enter(bytes);
    await this.#stream.drain();
    this.#lastAnswered = this.#respond(request, this.#lastAnswered).finally(() => this.#admission.leave(bytes));
  }

  async close(): Promise<void> {
    await this.#admission.empty();
    await Promise.allSettled(this.#handles.removeAll().map((handle) => this.#closeHandle(handle)));
  }

  async #parse(packet: Uint8Array): Promise<SftpRequest | undefined> {
    const id = requestId(packet);
    try {
      return parseRequest(packet);
    } catch (error) {
      if (!(error instanceof CorruptDataError)) throw error;
      await this.#lastAnswered;
      this.#stream.write(statusReply(id, StatusCode.BAD_MESSAGE, error.message));
      return undefined;
    }
  }

  /**
   * The draft allows any order. But where answers to READ come out of order, OpenSSH's scp (9.2, of Debian 12) cuts
   * the file off there and reports success.
   */
  async #respond(request: SftpRequest, earlier: Promise<void>): Promise<void> {
    const reply = await this.#reply(request);
    await earlier;
    for (const piece of reply instanceof Uint8Array ? [reply] : reply) this.#stream.write(piece);
  }

  async #reply(request: SftpRequest): Promise<Reply> {
    try {
      return await this.#answer(request);
    } catch (error) {
      const { code, message } = statusOf(error);
      if (!this.#stream.signal.aborted) this.#report(error, message);
      return statusReply(request.id, code, message);
    }
  }

  /** OpenSSH's clients show a status by its number alone, so what needs words goes to their stderr too. */
  #report(error: unknown, message: string): void {
    if (error instanceof PathError) return;
    if (!(error instanceof VmfrError)) this.#logger.error({ err: error }, "sftp request failed unexpectedly");
    if (this.#explained++ < this.#limits.explanations) this.#stream.explain(message);
  }

  async #answer(request: SftpRequest): Promise<Reply> {
    const { id } = request;
    switch (request.kind) {
      case "open":
        return this.#open(id, request.path, request.flags);
      case "read":
        return this.#read(id, request.handle, request.offset, request.length);
      case "path":
        return this.#answerPath(id, request.operation, request.path);
      case "handle":
        return this.#answerHandle(id, request.operation, request.handle);
      case "limits":
        return extendedReply(
          id,
          uint64(BigInt(MAX_PACKET_LENGTH)),
          uint64(BigInt(MAX_READ_LENGTH)),
          uint64(BigInt(MAX_READ_LENGTH)),
          uint64(BigInt(this.#limits.handles)),
        );
      case "users-groups":
        // Numbers belong to guests, which need not agree about their names: an empty name keeps the number.
        return extendedReply(id, string(Buffer.alloc(4 * request.users)), string(Buffer.alloc(4 * request.groups)));
      case "change":
        return statusReply(id, StatusCode.PERMISSION_DENIED, READ_ONLY);
      case "unknown":
        return statusReply(id, StatusCode.OP_UNSUPPORTED, `${request.operation} is not supported`);
    }
  }

  async #answerPath(id: number, operation: PathOperation, path: Uint8Array): Promise<Uint8Array> {
    switch (operation) {
      case "stat":
        return attributesReply(id, await this.#attributes(await this.#resolve(path)));
      case "lstat":
        return attributesReply(id, await this.#attributes(await this.#resolve(path, false)));
      case "opendir":
        return this.#openDirectory(id, path);
      case "realpath":
        return pathReply(id, await this.#realPath(this.#absolute(path)));
      case "readlink":
        return pathReply(id, await (await this.#resolve(path, false)).readLink(this.#stream.signal));
      case "statvfs":
        await this.#resolve(path);
        return this.#statvfs(id);
      case "expand-path":
        return pathReply(id, await this.#realPath(this.#absolute(this.#expandTilde(path))));
      case "home-directory":
        return pathReply(id, this.#home);
    }
  }

  async #answerHandle(id: number, operation: HandleOperation, handle: Uint8Array): Promise<Uint8Array> {
    switch (operation) {
      case "close":
        await this.#closeHandle(this.#handles.remove(handle));
        return statusReply(id, StatusCode.OK, "");
      case "fstat":
        return attributesReply(id, await this.#attributes(this.#handles.get(handle).node));
      case "readdir":
        return this.#readDirectory(id, handle);
      case "fstatvfs":
        this.#handles.get(handle);
        return this.#statvfs(id);
    }
  }

  async #open(id: number, path: Uint8Array, flags: number): Promise<Uint8Array> {
    if ((flags & WRITING_OPEN_FLAGS) !== 0) return statusReply(id, StatusCode.PERMISSION_DENIED, READ_ONLY);
    const { signal } = this.#stream;
    const handle = await this.#handles.add(async () => {
      const node = await this.#resolve(path);
      return new FileHandle(node, await node.open(signal), this.#readAhead, signal);
    });
    return handleReply(id, handle);
  }

  async #openDirectory(id: number, path: Uint8Array): Promise<Uint8Array> {
    const handle = await this.#handles.add(async () => {
      const node = await this.#resolve(path);
      const { type } = await node.stat(this.#stream.signal);
      if (type !== "directory") throw new PathError("not-a-directory", displayName(node.path));
      return new DirectoryHandle(this.#tree, node, this.#readAheadDirectories, this.#stream.signal);
    });
    return handleReply(id, handle);
  }

  async #read(id: number, handle: Uint8Array, offset: bigint, length: number): Promise<Reply> {
    const file = this.#handles.get(handle);
    if (file.kind !== "file") return statusReply(id, StatusCode.FAILURE, "the handle is a directory's");
    const pieces = await file.read(offset, length);
    return pieces === undefined ? statusReply(id, StatusCode.EOF, "end of file") : dataReply(id, pieces);
  }

  async #readDirectory(id: number, handle: Uint8Array): Promise<Uint8Array> {
    const directory = this.#handles.get(handle);
    if (directory.kind !== "directory") return statusReply(id, StatusCode.FAILURE, "the handle is a file's");
    const entries = await directory.next();
    return entries === undefined ? statusReply(id, StatusCode.EOF, "end of directory") : nameReply(id, entries);
  }

  async #closeHandle(handle: Handle): Promise<void> {
    await handle.close();
    if (handle.kind === "file") {
      this.#logger.info({ path: displayName(handle.node.path), bytes: handle.bytesRead }, "file read over sftp");
    }
  }

  async #attributes(node: TreeNode): Promise<Uint8Array> {
    return encodeAttributes(await node.stat(this.#stream.signal));
  }

  #absolute(path: Uint8Array): Uint8Array {
    if (path.includes(0)) throw new PathError("invalid-path", displayName(path));
    return path[0] === SLASH ? path : Buffer.concat([this.#home, Uint8Array.of(SLASH), path]);
  }

  #resolve(path: Uint8Array, followLast = true): Promise<TreeNode> {
    return this.#tree.resolve(this.#absolute(path), { followLast, signal: this.#stream.signal });
  }

  /** The path without symlinks and `..`; as with OpenSSH its last name need not exist. */
  async #realPath(path: Uint8Array): Promise<Uint8Array> {
    const { signal } = this.#stream;
    try {
      return (await this.#tree.resolve(path, { signal })).path;
    } catch (error) {
      const names = splitPath(path);
      const last = names.pop();
      if (!(error instanceof PathError && error.failure === "not-found") || last === undefined) throw error;
      const parent = await this.#tree.resolve(joinPath(names), { signal });
      if (parent.type !== "directory") throw error;
      return joinPath([...splitPath(parent.path), last]);
    }
  }

  /** `~` and `~/…` are the home directory; there are no others. */
  #expandTilde(path: Uint8Array): Uint8Array {
    if (path[0] !== TILDE) return path;
    if (path.length === 1) return this.#home;
    if (path[1] === SLASH) return path.subarray(2);
    throw new PathError("not-found", displayName(path), "there are no other users' directories here");
  }

  async #statvfs(id: number): Promise<Uint8Array> {
    const { backups } = await this.#tree.inventory();
    const disks = backups.flatMap((backup) => backup.disks);
    const bytes = disks.reduce((sum, disk) => sum + (disk.size ?? 0), 0);
    const unit = BigInt(STATVFS_BLOCK);
    const blocks = BigInt(Math.ceil(bytes / STATVFS_BLOCK));
    // Block size twice, blocks: all, free, free to us; inodes likewise, unknown; file system id.
    const figures = [unit, unit, blocks, 0n, 0n, 0n, 0n, 0n, 0n, STATVFS_FLAGS, NAME_MAX];
    return extendedReply(id, ...figures.map(uint64));
  }
}

function pathReply(id: number, path: Uint8Array): Uint8Array {
  return nameReply(id, [{ name: path, longName: nameFromText(displayName(path)), attributes: NO_ATTRIBUTES }]);
}
