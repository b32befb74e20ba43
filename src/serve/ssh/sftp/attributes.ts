import { displayName, nameFromText } from "../../../bytes/byte-name.ts";
import type { FileType } from "../../../disk/filesystem/file-system.ts";
import { modeText, TYPE_LETTERS } from "../../../disk/filesystem/mode-text.ts";
import type { TreeStat } from "../../../restore-tree/tree-node.ts";
import { posixMode } from "../posix-mode.ts";
import { AttributeFlag } from "./protocol.ts";

const MAX_UINT32 = 0xffff_ffff;
const NANOSECONDS = 1_000_000_000n;

/** Seconds since 1970 that fit the protocol's unsigned 32 bits; times before and after are clamped. */
export function protocolSeconds(nanoseconds: bigint): number {
  const seconds = nanoseconds / NANOSECONDS;
  if (seconds < 0n) return 0;
  return seconds > BigInt(MAX_UINT32) ? MAX_UINT32 : Number(seconds);
}

/** Section 5: size, owner, type with permissions, access and modification time. */
export function encodeAttributes(stat: TreeStat): Buffer {
  const { SIZE, UIDGID, PERMISSIONS, ACMODTIME } = AttributeFlag;
  const bytes = Buffer.allocUnsafe(32);
  bytes.writeUInt32BE(SIZE | UIDGID | PERMISSIONS | ACMODTIME, 0);
  bytes.writeBigUInt64BE(BigInt(stat.size), 4);
  bytes.writeUInt32BE(stat.uid >>> 0, 12);
  bytes.writeUInt32BE(stat.gid >>> 0, 16);
  bytes.writeUInt32BE(posixMode(stat), 20);
  bytes.writeUInt32BE(protocolSeconds(stat.atime), 24);
  bytes.writeUInt32BE(protocolSeconds(stat.mtime), 28);
  return bytes;
}

/** For an entry whose inode cannot be read: its type, where the directory knows it, and nothing else. */
export function encodeTypeOnly(type: FileType): Buffer {
  const bits = posixMode({ type, mode: 0 });
  const bytes = Buffer.alloc(bits === 0 ? 4 : 8);
  if (bits === 0) return bytes;
  bytes.writeUInt32BE(AttributeFlag.PERMISSIONS, 0);
  bytes.writeUInt32BE(bits, 4);
  return bytes;
}

/** No attributes at all, as SSH_FXP_REALPATH and SSH_FXP_READLINK answer. */
export const NO_ATTRIBUTES: Uint8Array = Buffer.alloc(4);

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
/** `ls` shows the time of day for files changed within half a year, else the year. */
const RECENT_SECONDS = (365 * 86_400) / 2;

function timeColumn(seconds: number, now: number): string {
  const date = new Date(seconds * 1000);
  const day = `${MONTHS[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2)}`;
  const isRecent = seconds <= now && now - seconds < RECENT_SECONDS;
  const last = isRecent ? date.toISOString().slice(11, 16) : String(date.getUTCFullYear()).padStart(5);
  return `${day} ${last}`;
}

/** A line as `ls -ln` prints it, in UTC, the name escaped: clients show it on a terminal as it is. */
export function longName(name: Uint8Array, stat: TreeStat, nowMs = Date.now()): Uint8Array {
  const columns = [
    modeText(stat.type, stat.mode),
    String(stat.links).padStart(3),
    String(stat.uid).padEnd(8),
    String(stat.gid).padEnd(8),
    String(stat.size).padStart(8),
    timeColumn(protocolSeconds(stat.mtime), nowMs / 1000),
    displayName(name),
  ];
  return nameFromText(columns.join(" "));
}

/** The line of an entry whose inode cannot be read. */
export function unreadableLongName(name: Uint8Array, type: FileType): Uint8Array {
  return nameFromText(
    `${TYPE_LETTERS[type]}?????????   ? ?        ?               ? ???  ?     ? ${displayName(name)}`,
  );
}
