/** What both versions of LUKS say about a volume, checked. */
import type { Limits } from "../../../bytes/limits.ts";
import { CorruptDataError, LimitError, UnsupportedFeatureError, VmfrError } from "../../../errors.ts";
import { STRIPES } from "./anti-forensic.ts";
import type { Encryption } from "./encryption.ts";
import type { HashFunction } from "./hash-function.ts";
import { type KeyDerivation, type Pbkdf2, workOf } from "./key-derivation.ts";
import { IV_UNIT } from "./sector-cipher.ts";

export interface LuksHeader {
  readonly version: 1 | 2;
  /** Undefined when it is none. */
  readonly uuid: string | undefined;
  readonly segment: Segment;
  /** Those that lead to the key of the segment, in the order to try them. */
  readonly keyslots: readonly Keyslot[];
  /** Why each other one that should lead there cannot be used. */
  readonly unusable: readonly VmfrError[];
  readonly digest: KeyDigest;
  /** Sentences. */
  readonly warnings: readonly string[];
}

/** The encrypted stretch; bytes from the start of the volume. */
export interface Segment {
  readonly offset: number;
  readonly size: number;
  readonly encryption: Encryption;
  readonly sectorSize: number;
  /** Number of the first sector's IV, in units of 512 bytes. */
  readonly firstIv: number;
}

/** One of the ways to the volume's key. */
export interface Keyslot {
  readonly number: number;
  /** Bytes of the volume's key. */
  readonly keySize: number;
  readonly derivation: KeyDerivation;
  /** Of the split key; bytes from the start of the volume. */
  readonly area: {
    readonly offset: number;
    readonly encryption: Encryption;
    readonly keySize: number;
  };
  /** Of the anti-forensic splitter. */
  readonly hash: HashFunction;
}

/** Tells whether a key is the volume's. */
export interface KeyDigest {
  readonly derivation: Pbkdf2;
  readonly digest: Uint8Array;
}

/** Sectors dm-crypt knows: powers of two. */
const SECTOR_SIZES = [512, 1024, 2048, 4096];

/** @throws CorruptDataError unless the segment lies in the volume and has whole sectors */
export function checkSegment(segment: Segment, volumeSize: number): Segment {
  const { offset, size, sectorSize, firstIv } = segment;
  const corrupt = (problem: string) => new CorruptDataError({ format: "luks", structure: "data segment" }, problem);
  if (!SECTOR_SIZES.includes(sectorSize)) throw corrupt(`has sectors of ${sectorSize} bytes`);
  if (offset % IV_UNIT !== 0 || size % sectorSize !== 0) throw corrupt("does not consist of whole sectors");
  if (size <= 0 || offset + size > volumeSize) {
    throw corrupt(`bytes ${offset} to ${offset + size} do not lie in the volume, which has ${volumeSize}`);
  }
  if (!Number.isSafeInteger(firstIv + size / IV_UNIT)) throw corrupt("its IVs are implausibly large");
  return segment;
}

/** Bytes the split key takes, to the end of its last sector. */
export function areaSize({ keySize }: Pick<Keyslot, "keySize">): number {
  return Math.ceil((keySize * STRIPES) / IV_UNIT) * IV_UNIT;
}

/** @throws CorruptDataError, UnsupportedFeatureError or LimitError when the keyslot cannot be tried */
export function checkKeyslot(keyslot: Keyslot, { encryption }: Segment, volumeSize: number, limits: Limits): Keyslot {
  const { number, keySize, area, derivation } = keyslot;
  const corrupt = (problem: string) =>
    new CorruptDataError({ format: "luks", structure: `keyslot ${number}` }, problem);
  if (!encryption.keySizes.includes(keySize)) throw badKeySize(encryption, keySize);
  if (!area.encryption.keySizes.includes(area.keySize)) throw badKeySize(area.encryption, area.keySize);
  if (area.offset + areaSize(keyslot) > volumeSize) throw corrupt("its key material lies beyond the volume's end");
  if (derivation.kind !== "pbkdf2" && derivation.memory > limits.keyDerivationMemory / 1024) {
    throw new LimitError("keyDerivationMemory", limits.keyDerivationMemory, `luks: memory of keyslot ${number}`);
  }
  return keyslot;
}

function badKeySize({ name }: Encryption, bytes: number): UnsupportedFeatureError {
  return new UnsupportedFeatureError("luks", [`${name} with keys of ${bytes * 8} bits`]);
}

/** @throws LimitError when checking a key would take too long, CorruptDataError when any key would pass */
export function checkDigest(digest: KeyDigest, limits: Limits): KeyDigest {
  const place = { format: "luks", structure: "key digest" };
  if (digest.digest.length < SHORTEST_DIGEST) throw new CorruptDataError(place, "is too short to tell keys apart");
  if (workOf(digest.derivation) > limits.keyDerivationWork) throw tooMuchWork("key digest", limits);
  return digest;
}

/** LUKS1's. */
const SHORTEST_DIGEST = 20;

/**
 * Each keyslot by itself, so that a damaged one does not hide the others; all together within the limit of work
 * for one passphrase.
 * @param parse throws a VmfrError for a keyslot that cannot be used; undefined for one that leads nowhere
 */
export function collectKeyslots(
  numbers: readonly number[],
  limits: Limits,
  parse: (number: number) => Keyslot | undefined,
): Pick<LuksHeader, "keyslots" | "unusable"> {
  const keyslots: Keyslot[] = [];
  const unusable: VmfrError[] = [];
  let work = 0;
  for (const number of numbers) {
    try {
      const keyslot = parse(number);
      if (keyslot === undefined) continue;
      if (work + workOf(keyslot.derivation) > limits.keyDerivationWork) throw tooMuchWork(`keyslot ${number}`, limits);
      work += workOf(keyslot.derivation);
      keyslots.push(keyslot);
    } catch (error) {
      if (!(error instanceof VmfrError)) throw error;
      unusable.push(error);
    }
  }
  return { keyslots, unusable };
}

function tooMuchWork(what: string, limits: Limits): LimitError {
  return new LimitError("keyDerivationWork", limits.keyDerivationWork, `luks: work for the ${what}`);
}
