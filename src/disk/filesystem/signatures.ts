/**
 * What a volume can be, told by magic numbers: names for people, places in bytes from the volume's start.
 * Gathered from the formats' own specifications; `blkid` knows the same places.
 */

export interface Signature {
  /** Short and lower case, as `blkid` says it; part of the volume's name. */
  readonly type: string;
  /** For people: `XFS file system`. */
  readonly what: string;
  readonly kind: "file-system" | "container" | "encrypted" | "no-files";
  /** Any of these, as Latin-1 text at an offset. */
  readonly magic: readonly (readonly [offset: number, text: string])[];
  /** The signature lies in the first sector, where a partition table would be. */
  readonly inBootSector?: boolean;
  /** A further look where the magic number alone is weak; pure, must not throw. */
  readonly confirm?: (first: Uint8Array) => boolean;
}

/** Bytes from a volume's start that hold every signature below; btrfs and ReiserFS lie farthest back. */
export const SIGNATURE_AREA = 128 * 1024;

const LVM_LABELS = [0, 512, 1024, 1536].map((sector) => [sector + 24, "LVM2 001"] as const);
/** The last ten bytes of the first page, whatever the machine's page size. */
const SWAP_PAGES = [4096, 8192, 16_384, 65_536];
const SWAP_MAGICS = ["SWAPSPACE2", "SWAP-SPACE", "S1SUSPEND\0", "S2SUSPEND\0", "ULSUSPEND\0"];
const SWAP = SWAP_PAGES.flatMap((page) => SWAP_MAGICS.map((magic) => [page - magic.length, magic] as const));
const BCACHEFS = "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81";
/** Where the second copy of a LUKS2 header begins, as far as it lies in the area. */
const LUKS2_COPIES = [16_384, 32_768, 65_536].map((offset) => [offset, "SKUL\xba\xbe"] as const);
export const MD_MAGIC = "\xfc\x4e\x2b\xa9";

/** Sorted by how much each says: containers and encryption before what they might hold. */
export const SIGNATURES: readonly Signature[] = [
  { type: "luks", what: "LUKS", kind: "encrypted", magic: [[0, "LUKS\xba\xbe"]] },
  { type: "bitlocker", what: "BitLocker", kind: "encrypted", magic: [[3, "-FVE-FS-"]], inBootSector: true },
  { type: "lvm2", what: "LVM2 physical volume", kind: "container", magic: LVM_LABELS },
  {
    type: "md",
    what: "Linux software RAID member (md)",
    kind: "container",
    magic: [
      [0, MD_MAGIC],
      [4096, MD_MAGIC],
    ],
  },
  { type: "btrfs", what: "Btrfs file system", kind: "file-system", magic: [[65_600, "_BHRfS_M"]] },
  { type: "ntfs", what: "NTFS file system", kind: "file-system", magic: [[3, "NTFS    "]], inBootSector: true },
  { type: "refs", what: "ReFS file system", kind: "file-system", magic: [[3, "ReFS\0\0\0\0"]], inBootSector: true },
  { type: "swap", what: "swap space", kind: "no-files", magic: SWAP },
  { type: "zfs", what: "ZFS pool member", kind: "container", magic: [[16_384, "\x01\x01\0\0"]], confirm: hasZfsLabel },
  { type: "iso9660", what: "ISO 9660 file system", kind: "file-system", magic: [[32_769, "CD001"]] },
  { type: "squashfs", what: "SquashFS file system", kind: "file-system", magic: [[0, "hsqs"]] },
  { type: "erofs", what: "EROFS file system", kind: "file-system", magic: [[1024, "\xe2\xe1\xf5\xe0"]] },
  { type: "f2fs", what: "F2FS file system", kind: "file-system", magic: [[1024, "\x10\x20\xf5\xf2"]] },
  { type: "bcachefs", what: "bcachefs file system", kind: "file-system", magic: [[4096 + 24, BCACHEFS]] },
  { type: "jfs", what: "JFS file system", kind: "file-system", magic: [[32_768, "JFS1"]] },
  { type: "reiserfs", what: "ReiserFS file system", kind: "file-system", magic: [[65_588, "ReIsEr"]] },
  { type: "ufs", what: "UFS2 file system", kind: "file-system", magic: [[65_536 + 1372, "\x19\x01\x54\x19"]] },
  { type: "apfs", what: "APFS container", kind: "container", magic: [[32, "NXSB"]] },
  { type: "luks", what: "LUKS2", kind: "encrypted", magic: LUKS2_COPIES, confirm: hasNoLuksHeader },
  {
    type: "hfsplus",
    what: "HFS+ file system",
    kind: "file-system",
    magic: [
      [1024, "H+\0\x04"],
      [1024, "HX\0\x05"],
    ],
  },
];

export function matches(signature: Signature, first: Uint8Array): boolean {
  return signature.magic.some(([offset, text]) => hasText(first, offset, text)) && (signature.confirm?.(first) ?? true);
}

export function hasText(bytes: Uint8Array, offset: number, text: string): boolean {
  if (offset < 0 || offset + text.length > bytes.length) return false;
  for (let index = 0; index < text.length; index++) if (bytes[offset + index] !== text.charCodeAt(index)) return false;
  return true;
}

/** The first copy speaks for both. */
function hasNoLuksHeader(first: Uint8Array): boolean {
  return !hasText(first, 0, "LUKS");
}

/** The label's first name-value pair is called "version". */
function hasZfsLabel(first: Uint8Array): boolean {
  return Buffer.from(first.subarray(16_384, 16_384 + 64)).includes("version");
}
