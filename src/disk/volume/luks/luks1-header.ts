/** LUKS1 On-Disk Format 1.2.3, section 2.3: one sector and a bit, big-endian, without a checksum. */
import { Cursor } from "../../../bytes/cursor.ts";
import type { Limits } from "../../../bytes/limits.ts";
import { UnsupportedFeatureError } from "../../../errors.ts";
import { STRIPES } from "./anti-forensic.ts";
import { parseEncryption } from "./encryption.ts";
import { hashFunction } from "./hash-function.ts";
import type { Pbkdf2 } from "./key-derivation.ts";
import {
  checkDigest,
  checkKeyslot,
  checkSegment,
  collectKeyslots,
  type LuksHeader,
  type Segment,
} from "./luks-header.ts";
import { uuidOrUndefined } from "./luks-uuid.ts";

const SECTOR = 512;
const KEYSLOTS = 8;
const FIRST_KEYSLOT = 208;
const KEYSLOT_SIZE = 48;
const SALT_SIZE = 32;
const DIGEST_SIZE = 20;
const KEY_ENABLED = 0x00ac71f3;
const KEY_DISABLED = 0x0000dead;

/**
 * @param bytes at least the first 4096 bytes of the volume
 * @throws CorruptDataError, UnsupportedFeatureError or LimitError when no key can open the volume
 */
export function parseLuks1Header(bytes: Uint8Array, volumeSize: number, limits: Limits): LuksHeader {
  const cursor = new Cursor(bytes, { format: "luks", structure: "LUKS1 header", byteOffset: 0 });
  const encryption = parseEncryption(`${cursor.ascii(8, 32)}-${cursor.ascii(40, 32)}`);
  const hash = hashFunction(cursor.ascii(72, 32));
  const segment = checkSegment(
    { ...place(cursor, volumeSize), encryption, sectorSize: SECTOR, firstIv: 0 },
    volumeSize,
  );
  const keySize = cursor.u32be(108);
  const derivation = (at: number, salt: number): Pbkdf2 => {
    const iterations = cursor.u32be(at);
    if (iterations === 0) throw cursor.corrupt("keys are derived in no iterations");
    return { kind: "pbkdf2", hash, iterations, salt: cursor.slice(salt, SALT_SIZE) };
  };
  const digest = { derivation: derivation(164, 132), digest: cursor.slice(112, DIGEST_SIZE) };
  const numbers = Array.from({ length: KEYSLOTS }, (_, index) => index);
  const keyslots = collectKeyslots(numbers, limits, (number) => {
    const at = FIRST_KEYSLOT + number * KEYSLOT_SIZE;
    const state = cursor.u32be(at);
    if (state === KEY_DISABLED) return undefined;
    if (state !== KEY_ENABLED) throw cursor.corrupt(`keyslot ${number} is neither enabled nor disabled`);
    if (cursor.u32be(at + 44) !== STRIPES) throw cursor.corrupt(`keyslot ${number} has not ${STRIPES} stripes`);
    const area = { offset: cursor.u32be(at + 40) * SECTOR, encryption, keySize };
    const keyslot = { number, keySize, area, hash, derivation: derivation(at + 4, at + 8) };
    return checkKeyslot(keyslot, segment, volumeSize, limits);
  });
  const uuid = uuidOrUndefined(cursor.ascii(168, 40));
  return { version: 1, uuid, segment, ...keyslots, digest: checkDigest(digest, limits), warnings: [] };
}

/** From the payload's offset to the last whole sector. */
function place(cursor: Cursor, volumeSize: number): Pick<Segment, "offset" | "size"> {
  const offset = cursor.u32be(104) * SECTOR;
  if (offset === 0) throw new UnsupportedFeatureError("luks", ["header apart from its data"]);
  return { offset, size: Math.floor((volumeSize - offset) / SECTOR) * SECTOR };
}
