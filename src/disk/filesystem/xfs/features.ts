/** Feature words of the superblock ("XFS Algorithms & Data Structures", chapter "Superblocks"; kernel fs/xfs/libxfs/xfs_format.h). */
import { UnsupportedFeatureError } from "../../../errors.ts";

/** Bits of sb_versionnum above the version itself. */
export const VERSION = {
  ATTR: 0x10,
  NLINK: 0x20,
  QUOTA: 0x40,
  LOGV2: 0x400,
  EXTFLG: 0x1000,
  DIRV2: 0x2000,
  BORG: 0x4000,
  MOREBITS: 0x8000,
} as const;

export const FEATURES2 = {
  LAZYSBCOUNT: 0x2,
  ATTR2: 0x8,
  PARENT: 0x10,
  PROJID32: 0x80,
  CRC: 0x100,
  FTYPE: 0x200,
} as const;

export const INCOMPAT = {
  FTYPE: 0x1,
  SPINODES: 0x2,
  META_UUID: 0x4,
  BIGTIME: 0x8,
  NEEDSREPAIR: 0x10,
  NREXT64: 0x20,
  EXCHRANGE: 0x40,
  PARENT: 0x80,
  METADIR: 0x100,
  ZONED: 0x200,
  ZONE_GAPS: 0x400,
} as const;

export interface Features {
  /** sb_versionnum without the version in its low four bits. */
  readonly version: number;
  readonly features2: number;
  readonly roCompat: number;
  readonly incompat: number;
  readonly logIncompat: number;
}

/** The names mkfs.xfs and xfs_info use. */
const INCOMPAT_NAMES: readonly (readonly [number, string])[] = [
  [INCOMPAT.FTYPE, "ftype"],
  [INCOMPAT.SPINODES, "sparse"],
  [INCOMPAT.META_UUID, "meta_uuid"],
  [INCOMPAT.BIGTIME, "bigtime"],
  [INCOMPAT.NEEDSREPAIR, "needsrepair"],
  [INCOMPAT.NREXT64, "nrext64"],
  [INCOMPAT.EXCHRANGE, "exchange"],
  [INCOMPAT.PARENT, "parent"],
  [INCOMPAT.METADIR, "metadir"],
  [INCOMPAT.ZONED, "zoned"],
  [INCOMPAT.ZONE_GAPS, "zone_gaps"],
];

const RO_COMPAT_NAMES: readonly (readonly [number, string])[] = [
  [0x1, "finobt"],
  [0x2, "rmapbt"],
  [0x4, "reflink"],
  [0x8, "inobtcount"],
];

const VERSION_NAMES: readonly (readonly [number, string])[] = [
  [VERSION.ATTR, "attr"],
  [VERSION.QUOTA, "quota"],
  [VERSION.LOGV2, "logv2"],
  [VERSION.BORG, "ascii-ci"],
];

const FEATURES2_NAMES: readonly (readonly [number, string])[] = [
  [FEATURES2.LAZYSBCOUNT, "lazy-count"],
  [FEATURES2.ATTR2, "attr2"],
  [FEATURES2.PROJID32, "projid32bit"],
  [FEATURES2.CRC, "crc"],
  [FEATURES2.FTYPE, "ftype"],
];

const namesOf = (word: number, names: readonly (readonly [number, string])[]): string[] =>
  names.filter(([bit]) => (word & bit) !== 0).map(([, name]) => name);

export function featureNames({ version, features2, roCompat, incompat, logIncompat }: Features): string[] {
  const names = [
    ...namesOf(version, VERSION_NAMES),
    ...namesOf(features2, FEATURES2_NAMES),
    ...namesOf(roCompat, RO_COMPAT_NAMES),
    ...namesOf(incompat, INCOMPAT_NAMES),
    ...namesOf(logIncompat, [[0x1, "log-xattrs"]]),
  ];
  return [...new Set(names)];
}

/** Read-only compatible features never matter to a reader, known or not. @throws UnsupportedFeatureError */
export function requireKnown({ incompat }: Features): void {
  const unknown: string[] = [];
  for (let bit = 0; bit < 32; bit++) {
    const mask = 2 ** bit;
    if (Math.floor(incompat / mask) % 2 === 1 && !INCOMPAT_NAMES.some(([known]) => known === mask)) {
      unknown.push(`incompatible feature bit ${bit}`);
    }
  }
  if (unknown.length > 0) throw new UnsupportedFeatureError("xfs", unknown);
}
