/** The 512-byte header block of POSIX.1-2017 `pax`, section "ustar Interchange Format". */

export const BLOCK = 512;

export type TypeFlag =
  | "file"
  | "hard-link"
  | "symlink"
  | "character-device"
  | "block-device"
  | "directory"
  | "fifo"
  | "extended-header";

const FLAGS: Record<TypeFlag, string> = {
  file: "0",
  "hard-link": "1",
  symlink: "2",
  "character-device": "3",
  "block-device": "4",
  directory: "5",
  fifo: "6",
  "extended-header": "x",
};

/** Field sizes in bytes; numbers have one octal digit fewer, the last byte being NUL. */
export const NAME_FIELD = 100;
/** Largest uid, gid and device number of seven octal digits. */
export const LARGEST_ID = 0o7777777;
/** Largest size and time of eleven octal digits. */
export const LARGEST_SIZE = 0o77777777777;

export interface HeaderFields {
  readonly type: TypeFlag;
  /** Cut after 100 bytes; a pax record then holds the whole. */
  readonly name: Uint8Array;
  readonly linkName?: Uint8Array;
  readonly mode: number;
  /** Numbers beyond their field are written as zero; a pax record then holds them. */
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Whole seconds since 1970. */
  readonly mtime: number;
  readonly device?: { readonly major: number; readonly minor: number };
}

/** Fills `block`, 512 zeroed bytes. */
export function writeHeader(block: Buffer, fields: HeaderFields): void {
  block.set(fields.name.subarray(0, NAME_FIELD), 0);
  octal(block, 100, 8, fields.mode);
  octal(block, 108, 8, fields.uid);
  octal(block, 116, 8, fields.gid);
  octal(block, 124, 12, fields.size);
  octal(block, 136, 12, fields.mtime);
  block.fill(0x20, 148, 156);
  block.write(FLAGS[fields.type], 156, "latin1");
  if (fields.linkName !== undefined) block.set(fields.linkName.subarray(0, NAME_FIELD), 157);
  block.write("ustar\u000000", 257, "latin1");
  octal(block, 329, 8, fields.device?.major ?? 0);
  octal(block, 337, 8, fields.device?.minor ?? 0);
  writeChecksum(block);
}

function octal(block: Buffer, offset: number, width: number, value: number): void {
  let rest = value >= 0 && value < 8 ** (width - 1) ? value : 0;
  for (let position = offset + width - 2; position >= offset; position--) {
    block[position] = 0x30 + (rest % 8);
    rest = Math.floor(rest / 8);
  }
}

/** Sum of all bytes, the checksum's own field counted as blanks: six digits, NUL, blank. */
function writeChecksum(block: Buffer): void {
  let sum = 0;
  // By index: an iterator over 512 bytes costs more than the rest of a small file's member.
  for (let position = 0; position < BLOCK; position++) sum += block[position] ?? 0;
  octal(block, 148, 7, sum);
  block[155] = 0x20;
}
