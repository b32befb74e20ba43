/** One entry of the file list as it goes over the wire, most of it relative to the one before; flist.c, send_file_entry(). */
import { nameFromKey } from "../../../bytes/byte-name.ts";
import type { TreeStat } from "../../../restore-tree/tree-node.ts";
import { posixMode } from "../posix-mode.ts";
import { type FileEntry, isDirectory } from "./file-entry.ts";
import type { Agreement } from "./handshake.ts";
import { EntryFlag } from "./protocol.ts";
import type { ServerOptions } from "./server-options.ts";
import type { WireWriter } from "./wire-writer.ts";

const NANOSECONDS = 1_000_000_000n;
const LONGEST_SHARED_NAME = 255;

export interface EntryContext {
  /** Place in the order of sending, over all lists. */
  readonly index: number;
  /** That of the first entry of this list. */
  readonly listStart: number;
  /** Of the content, for `--checksum`. */
  readonly checksum?: Uint8Array;
}

interface Device {
  readonly major: number;
  readonly minor: number;
}

type Kind = "device" | "special" | "other";

export class EntryEncoder {
  readonly #writer: WireWriter;
  readonly #options: ServerOptions;
  readonly #agreement: Agreement;
  /** By a file's identity: where it was first sent, or before version 30 its inode number here. */
  readonly #links = new Map<string, number>();
  #name = "";
  #mode = 0;
  #seconds = 0n;
  #accessSeconds = 0n;
  #uid = 0;
  #gid = 0;
  #major = 0;
  #device = 0;
  #hasSentDevice = false;

  constructor(writer: WireWriter, options: ServerOptions, agreement: Agreement) {
    this.#writer = writer;
    this.#options = options;
    this.#agreement = agreement;
  }

  encode(entry: FileEntry, context: EntryContext): void {
    const { version } = this.#agreement;
    const { stat } = entry;
    const mode = stat === undefined ? 0 : posixMode(stat);
    const seconds = stat === undefined ? 0n : floorSeconds(stat.mtime);
    const link = this.#linkOf(entry, context.index);
    const flags = this.#flags(entry, mode, seconds) | link.flags;
    const device = this.#deviceFlags(stat);
    const shared = this.#sharedLength(entry.name);
    const rest = nameFromKey(entry.name.slice(shared));
    let all = flags | device.flags;
    if (shared > 0) all |= EntryFlag.SAME_NAME;
    if (rest.length > 0xff) all |= EntryFlag.LONG_NAME;
    // Flags of 0 would end the list; before version 28 this is what keeps them from it.
    if (version < 28 && (all & 0xff) === 0) all |= isDirectory(entry) ? EntryFlag.LONG_NAME : EntryFlag.TOP_DIR;
    this.#writeFlags(all, isDirectory(entry));
    if (shared > 0) this.#writer.byte(shared);
    if ((all & EntryFlag.LONG_NAME) !== 0) this.#writer.varint30(rest.length);
    else this.#writer.byte(rest.length);
    this.#writer.bytes(rest);
    this.#name = entry.name;
    if (link.earlier !== undefined) {
      this.#writer.varint(link.earlier);
      if (link.earlier >= context.listStart) return;
    }
    this.#writeStat(stat, mode, seconds, all);
    if (device.kind !== "other") this.#writeDevice(device, all);
    if (entry.target !== undefined) {
      this.#writer.varint30(entry.target.length);
      this.#writer.bytes(entry.target);
    }
    if (link.inode !== undefined) this.#writeInode(link.inode, all);
    if (context.checksum !== undefined && (stat?.type === "file" || version < 28)) this.#writer.bytes(context.checksum);
  }

  #flags(entry: FileEntry, mode: number, seconds: bigint): number {
    const { version } = this.#agreement;
    const { stat } = entry;
    let flags = 0;
    if (isDirectory(entry)) {
      if (version < 30) flags |= entry.isTop ? EntryFlag.TOP_DIR : 0;
      else if (entry.hasContent) flags |= entry.isTop ? EntryFlag.TOP_DIR : 0;
      else flags |= EntryFlag.NO_CONTENT_DIR | (entry.isImplied ? EntryFlag.TOP_DIR : 0);
    }
    if (mode === this.#mode) flags |= EntryFlag.SAME_MODE;
    this.#mode = mode;
    const uid = stat?.uid ?? 0;
    const gid = stat?.gid ?? 0;
    if (!this.#options.owner || (uid === this.#uid && this.#name !== "")) flags |= EntryFlag.SAME_UID;
    else this.#uid = uid;
    if (!this.#options.group || (gid === this.#gid && this.#name !== "")) flags |= EntryFlag.SAME_GID;
    else this.#gid = gid;
    if (seconds === this.#seconds) flags |= EntryFlag.SAME_TIME;
    this.#seconds = seconds;
    if (stat === undefined) return flags;
    if (version >= 31 && nanoseconds(stat.mtime) !== 0) flags |= EntryFlag.MOD_NSEC;
    if (this.#options.accessTimes && !isDirectory(entry)) {
      const accessSeconds = floorSeconds(stat.atime);
      if (accessSeconds === this.#accessSeconds) flags |= EntryFlag.SAME_ATIME;
      this.#accessSeconds = accessSeconds;
    }
    if (this.#options.creationTimes && creationSeconds(stat) === seconds) flags |= EntryFlag.CRTIME_EQ_MTIME;
    return flags;
  }

  /** Names of one file: since version 30 by the place of the first one, before by device and inode. */
  #linkOf(
    { stat }: FileEntry,
    index: number,
  ): { readonly flags: number; readonly earlier?: number; readonly inode?: number } {
    const { version } = this.#agreement;
    if (!this.#options.hardLinks || stat === undefined) return { flags: 0 };
    const isLinked = version < 28 ? stat.type === "file" : stat.type !== "directory" && stat.links > 1;
    if (!isLinked) return { flags: 0 };
    const known = this.#links.get(stat.identity);
    if (version < 30) {
      const inode = known ?? this.#links.size + 1;
      this.#links.set(stat.identity, inode);
      const isSameDevice = this.#hasSentDevice && version >= 28;
      return { flags: EntryFlag.HARD_LINKED | (isSameDevice ? EntryFlag.SAME_DEV_OLD : 0), inode };
    }
    if (known !== undefined) return { flags: EntryFlag.HARD_LINKED, earlier: known };
    this.#links.set(stat.identity, index);
    return { flags: EntryFlag.HARD_LINKED | EntryFlag.HARD_LINK_FIRST };
  }

  #deviceFlags(stat: TreeStat | undefined): { readonly kind: Kind; readonly device: Device; readonly flags: number } {
    const { version } = this.#agreement;
    const { devices, specials } = this.#options;
    if (devices && (stat?.type === "character-device" || stat?.type === "block-device")) {
      const device = stat.device ?? { major: 0, minor: 0 };
      let flags = 0;
      if (version < 28) {
        if (deviceNumber(device) === this.#device) flags |= EntryFlag.SAME_RDEV_OLD;
        this.#device = deviceNumber(device);
      } else {
        if (device.major === this.#major) flags |= EntryFlag.SAME_RDEV_MAJOR;
        this.#major = device.major;
        if (version < 30 && device.minor <= 0xff) flags |= EntryFlag.RDEV_MINOR_8_OLD;
      }
      return { kind: "device", device, flags };
    }
    const device = { major: this.#major, minor: 0 };
    if (specials && (stat?.type === "fifo" || stat?.type === "socket") && version < 31) {
      if (version < 28) return { kind: "special", device, flags: EntryFlag.SAME_RDEV_OLD };
      const minor8 = version < 30 ? EntryFlag.RDEV_MINOR_8_OLD : 0;
      return { kind: "special", device, flags: EntryFlag.SAME_RDEV_MAJOR | minor8 };
    }
    if (version < 28) this.#device = 0;
    return { kind: "other", device, flags: 0 };
  }

  #sharedLength(name: string): number {
    const longest = Math.min(LONGEST_SHARED_NAME, name.length, this.#name.length);
    let length = 0;
    while (length < longest && name[length] === this.#name[length]) length++;
    return length;
  }

  /** Never as nothing, which would end the list. */
  #writeFlags(flags: number, directory: boolean): void {
    const { version, hasVarintFlags } = this.#agreement;
    if (hasVarintFlags) this.#writer.varint(flags === 0 ? EntryFlag.EXTENDED_FLAGS : flags);
    else if (version >= 28) {
      const marked = flags === 0 && !directory ? EntryFlag.TOP_DIR : flags;
      if (marked > 0xff || marked === 0) this.#writer.int16(marked | EntryFlag.EXTENDED_FLAGS);
      else this.#writer.byte(marked);
    } else this.#writer.byte(flags & 0xff);
  }

  #writeStat(stat: TreeStat | undefined, mode: number, seconds: bigint, flags: number): void {
    const writer = this.#writer;
    const { version } = this.#agreement;
    const { owner, group, accessTimes, creationTimes } = this.#options;
    writer.varlong30(BigInt(lengthOf(stat)), 3);
    if ((flags & EntryFlag.SAME_TIME) === 0) {
      if (version >= 30) writer.varlong(seconds, 4);
      else writer.int32(Number(BigInt.asIntN(32, seconds)));
    }
    if ((flags & EntryFlag.MOD_NSEC) !== 0 && stat !== undefined) writer.varint(nanoseconds(stat.mtime));
    if (creationTimes && stat !== undefined && (flags & EntryFlag.CRTIME_EQ_MTIME) === 0) {
      writer.varlong(creationSeconds(stat), 4);
    }
    if ((flags & EntryFlag.SAME_MODE) === 0) writer.int32(mode);
    if (accessTimes && stat?.type !== "directory" && (flags & EntryFlag.SAME_ATIME) === 0) {
      writer.varlong(this.#accessSeconds, 4);
    }
    if (owner && (flags & EntryFlag.SAME_UID) === 0) writer.varint30(this.#uid);
    if (group && (flags & EntryFlag.SAME_GID) === 0) writer.varint30(this.#gid);
  }

  #writeDevice({ device }: { readonly device: Device }, flags: number): void {
    const { version } = this.#agreement;
    if (version < 28) {
      if ((flags & EntryFlag.SAME_RDEV_OLD) === 0) this.#writer.int32(deviceNumber(device));
      return;
    }
    if ((flags & EntryFlag.SAME_RDEV_MAJOR) === 0) this.#writer.varint30(device.major);
    if (version >= 30) this.#writer.varint(device.minor);
    else if ((flags & EntryFlag.RDEV_MINOR_8_OLD) !== 0) this.#writer.byte(device.minor);
    else this.#writer.int32(device.minor);
  }

  #writeInode(inode: number, flags: number): void {
    // The device's number plus one; all of the tree counts as one device.
    if ((flags & EntryFlag.SAME_DEV_OLD) === 0) this.#writer.longint(2n);
    this.#hasSentDevice = true;
    this.#writer.longint(BigInt(inode));
  }
}

function lengthOf(stat: TreeStat | undefined): number {
  if (stat === undefined) return 0;
  return stat.type === "file" || stat.type === "directory" || stat.type === "symlink" ? stat.size : 0;
}

function floorSeconds(time: bigint): bigint {
  return time < 0n ? (time - NANOSECONDS + 1n) / NANOSECONDS : time / NANOSECONDS;
}

function nanoseconds(time: bigint): number {
  return Number(time - floorSeconds(time) * NANOSECONDS);
}

function creationSeconds(stat: TreeStat): bigint {
  return floorSeconds(stat.birthtime ?? stat.mtime);
}

/** Linux's 32-bit form. */
function deviceNumber({ major, minor }: Device): number {
  return ((major & 0xfff) << 8) | (minor & 0xff) | ((minor & 0xfff00) << 12);
}
