import { CorruptDataError } from "../../../errors.ts";
import { FieldReader } from "./field-reader.ts";
import { PacketType } from "./protocol.ts";

/** A request that has been checked as far as its packet alone allows. Paths are raw bytes, handles the bytes sent. */
export type SftpRequest = { readonly id: number } & (
  | { readonly kind: "open"; readonly path: Uint8Array; readonly flags: number }
  | { readonly kind: "read"; readonly handle: Uint8Array; readonly offset: bigint; readonly length: number }
  | { readonly kind: "path"; readonly operation: PathOperation; readonly path: Uint8Array }
  | { readonly kind: "handle"; readonly operation: HandleOperation; readonly handle: Uint8Array }
  | { readonly kind: "limits" }
  | { readonly kind: "users-groups"; readonly users: number; readonly groups: number }
  /** Would change something; never carried out. */
  | { readonly kind: "change"; readonly operation: string }
  | { readonly kind: "unknown"; readonly operation: string }
);

/** Requests that name a path and nothing else. `statvfs`, `expand-path` and `home-directory` are extensions. */
export type PathOperation =
  | "lstat"
  | "stat"
  | "opendir"
  | "realpath"
  | "readlink"
  | "statvfs"
  | "expand-path"
  | "home-directory";

/** Requests that name a handle and nothing else. */
export type HandleOperation = "close" | "fstat" | "readdir" | "fstatvfs";

const PATH_OPERATIONS: ReadonlyMap<number, PathOperation> = new Map([
  [PacketType.LSTAT, "lstat"],
  [PacketType.STAT, "stat"],
  [PacketType.OPENDIR, "opendir"],
  [PacketType.REALPATH, "realpath"],
  [PacketType.READLINK, "readlink"],
]);

const HANDLE_OPERATIONS: ReadonlyMap<number, HandleOperation> = new Map([
  [PacketType.CLOSE, "close"],
  [PacketType.FSTAT, "fstat"],
  [PacketType.READDIR, "readdir"],
]);

const CHANGES: ReadonlyMap<number, string> = new Map([
  [PacketType.WRITE, "write"],
  [PacketType.SETSTAT, "setstat"],
  [PacketType.FSETSTAT, "fsetstat"],
  [PacketType.REMOVE, "remove"],
  [PacketType.MKDIR, "mkdir"],
  [PacketType.RMDIR, "rmdir"],
  [PacketType.RENAME, "rename"],
  [PacketType.SYMLINK, "symlink"],
]);

const EXTENDED_PATH_OPERATIONS: ReadonlyMap<string, PathOperation> = new Map([
  ["statvfs@openssh.com", "statvfs"],
  ["expand-path@openssh.com", "expand-path"],
  ["home-directory", "home-directory"],
]);

const EXTENDED_CHANGES: ReadonlySet<string> = new Set([
  "posix-rename@openssh.com",
  "hardlink@openssh.com",
  "fsync@openssh.com",
  "lsetstat@openssh.com",
  "copy-data",
  "copy-file",
]);

/** Type byte, request id. */
const HEADER_BYTES = 5;

/**
 * The id alone, so that a request that does not parse can still be answered.
 * @throws CorruptDataError when the packet is too short to hold one.
 */
export function requestId(packet: Uint8Array): number {
  return new FieldReader(packet, 1, "request id").uint32();
}

/**
 * Version the client speaks, from SSH_FXP_INIT (section 4).
 * @throws CorruptDataError when the packet is anything else.
 */
export function parseInit(packet: Uint8Array): number {
  if (packet[0] !== PacketType.INIT) {
    throw new CorruptDataError(
      { format: "sftp", structure: "first packet" },
      `is of type ${packet[0]} instead of SSH_FXP_INIT`,
    );
  }
  return new FieldReader(packet, 1, "SSH_FXP_INIT").uint32();
}

/** Section 6. Bytes behind the last field known are ignored. @throws CorruptDataError */
export function parseRequest(packet: Uint8Array): SftpRequest {
  const type = packet[0] ?? 0;
  const id = requestId(packet);
  const fields = new FieldReader(packet, HEADER_BYTES, `request of type ${type}`);
  const path = PATH_OPERATIONS.get(type);
  if (path !== undefined) return { kind: "path", id, operation: path, path: fields.string() };
  const handle = HANDLE_OPERATIONS.get(type);
  if (handle !== undefined) return { kind: "handle", id, operation: handle, handle: fields.string() };
  const change = CHANGES.get(type);
  if (change !== undefined) return { kind: "change", id, operation: change };
  switch (type) {
    case PacketType.OPEN:
      return { kind: "open", id, path: fields.string(), flags: fields.uint32() };
    case PacketType.READ:
      return { kind: "read", id, handle: fields.string(), offset: fields.uint64(), length: fields.uint32() };
    case PacketType.EXTENDED:
      return parseExtended(id, fields);
    default:
      return { kind: "unknown", id, operation: `request of type ${type}` };
  }
}

function parseExtended(id: number, fields: FieldReader): SftpRequest {
  const name = Buffer.from(fields.string()).toString("latin1");
  const path = EXTENDED_PATH_OPERATIONS.get(name);
  if (path !== undefined) return { kind: "path", id, operation: path, path: fields.string() };
  if (name === "fstatvfs@openssh.com") return { kind: "handle", id, operation: "fstatvfs", handle: fields.string() };
  if (name === "limits@openssh.com") return { kind: "limits", id };
  if (name === "users-groups-by-id@openssh.com") {
    return { kind: "users-groups", id, users: idCount(fields.string()), groups: idCount(fields.string()) };
  }
  if (EXTENDED_CHANGES.has(name)) return { kind: "change", id, operation: name };
  return { kind: "unknown", id, operation: "extended request" };
}

function idCount(ids: Uint8Array): number {
  return Math.floor(ids.length / 4);
}
