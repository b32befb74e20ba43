/** The JSON area of LUKS2: LUKS2 On-Disk Format Specification 1.1, section 3. Tokens are for other ways to a passphrase. */
import type { Limits } from "../../../bytes/limits.ts";
import { CorruptDataError, UnsupportedFeatureError } from "../../../errors.ts";
import { STRIPES } from "./anti-forensic.ts";
import { parseEncryption } from "./encryption.ts";
import { hashFunction } from "./hash-function.ts";
import { JsonFields } from "./json-fields.ts";
import type { KeyDerivation, Pbkdf2 } from "./key-derivation.ts";
import {
  areaSize,
  checkDigest,
  checkKeyslot,
  checkSegment,
  collectKeyslots,
  type Keyslot,
  type LuksHeader,
  type Segment,
} from "./luks-header.ts";
import type { Luks2Header } from "./luks2-header.ts";

/** As many as cryptsetup makes. */
const MOST_KEYSLOTS = 32;
/** More than anybody has processors for. */
const MOST_LANES = 64;
const SHORTEST_ARGON2_SALT = 8;

/** @throws CorruptDataError, UnsupportedFeatureError or LimitError when no key can open the volume */
export function parseLuks2Metadata(header: Luks2Header, volumeSize: number, limits: Limits): LuksHeader {
  const root = JsonFields.parse(header.json, "LUKS2 metadata");
  checkRequirements(root);
  const segment = checkSegment(parseSegment(root.object("segments"), volumeSize), volumeSize);
  if (segment.offset < 2 * header.size) throw corrupt("segment 0", "lies over the header");
  const digest = digestOfSegment(root.object("digests"));
  const slots = root.object("keyslots");
  const keyslots = collectKeyslots(keyslotNumbers(digest, slots), limits, (number) => {
    const keyslot = parseKeyslot(slots.object(String(number), `keyslot ${number}`), number);
    return checkKeyslot(keyslot, segment, volumeSize, limits);
  });
  const derivation = parsePbkdf2(digest);
  return {
    version: 2,
    uuid: header.uuid,
    segment,
    ...keyslots,
    digest: checkDigest({ derivation, digest: digest.bytes("digest") }, limits),
    warnings: header.warnings,
  };
}

/** What a reader must understand besides this specification, re-encryption under way first of all. */
function checkRequirements(root: JsonFields): void {
  const config = root.object("config");
  if (!config.has("requirements")) return;
  const mandatory = config.object("requirements").list("mandatory");
  if (mandatory.length > 0) {
    throw new UnsupportedFeatureError(
      "luks",
      mandatory.map((each) => `requirement ${JSON.stringify(each)}`),
    );
  }
}

/** There is one unless the volume is being re-encrypted. */
function parseSegment(segments: JsonFields, volumeSize: number): Segment {
  if (segments.names().length !== 1) throw new UnsupportedFeatureError("luks", ["several segments"]);
  const segment = segments.object("0", "segment 0");
  const type = segment.text("type");
  if (type !== "crypt") throw new UnsupportedFeatureError("luks", [`segment of type ${JSON.stringify(type)}`]);
  if (segment.has("integrity")) {
    const integrity = segment.object("integrity").text("type");
    throw new UnsupportedFeatureError("luks", [`integrity protection ${JSON.stringify(integrity)}`]);
  }
  const offset = segment.decimal("offset");
  if (offset === 0) throw new UnsupportedFeatureError("luks", ["header apart from its data"]);
  const sectorSize = segment.integer("sector_size");
  const dynamic = segment.text("size") === "dynamic";
  return {
    offset,
    size: dynamic ? Math.floor((volumeSize - offset) / sectorSize) * sectorSize : segment.decimal("size"),
    encryption: parseEncryption(segment.text("encryption")),
    sectorSize,
    firstIv: segment.decimal("iv_tweak"),
  };
}

function digestOfSegment(digests: JsonFields): JsonFields {
  const all = digests.names().map((name) => digests.object(name, `digest ${name}`));
  const [digest, ...others] = all.filter((each) => each.list("segments").includes("0"));
  if (digest === undefined || others.length > 0) throw corrupt("digests", "not exactly one is the data segment's");
  return digest;
}

/** Those bound to the segment's key. All lead to it, so priorities do not matter. */
function keyslotNumbers(digest: JsonFields, slots: JsonFields): number[] {
  const names = [...new Set(digest.list("keyslots"))].filter((name) => slots.has(name));
  if (names.length > MOST_KEYSLOTS) throw corrupt("digests", `more than ${MOST_KEYSLOTS} keyslots`);
  if (!names.every((name) => /^\d{1,2}$/.test(name))) throw corrupt("digests", "a keyslot without a number");
  return names.map(Number).toSorted((left, right) => left - right);
}

function parseKeyslot(slot: JsonFields, number: number): Keyslot {
  const type = slot.text("type");
  if (type !== "luks2") throw new UnsupportedFeatureError("luks", [`keyslot of type ${JSON.stringify(type)}`]);
  const splitter = slot.object("af");
  if (splitter.text("type") !== "luks1" || splitter.integer("stripes") !== STRIPES) {
    throw new UnsupportedFeatureError("luks", [`keyslot ${number} split otherwise than in ${STRIPES} stripes`]);
  }
  const area = slot.object("area");
  const areaType = area.text("type");
  if (areaType !== "raw") throw new UnsupportedFeatureError("luks", [`area of type ${JSON.stringify(areaType)}`]);
  const keySize = slot.integer("key_size");
  if (area.decimal("size") < areaSize({ keySize })) throw corrupt(`keyslot ${number}`, "its area is too small");
  return {
    number,
    keySize,
    derivation: parseDerivation(slot.object("kdf")),
    area: {
      offset: area.decimal("offset"),
      encryption: parseEncryption(area.text("encryption")),
      keySize: area.integer("key_size"),
    },
    hash: hashFunction(splitter.text("hash")),
  };
}

function parseDerivation(kdf: JsonFields): KeyDerivation {
  const kind = kdf.text("type");
  if (kind !== "argon2i" && kind !== "argon2id") return parsePbkdf2(kdf);
  const [passes, memory, lanes] = [kdf.integer("time"), kdf.integer("memory"), kdf.integer("cpus")];
  const salt = kdf.bytes("salt");
  if (passes < 1 || lanes < 1 || lanes > MOST_LANES || memory < 8 * lanes || salt.length < SHORTEST_ARGON2_SALT) {
    throw corrupt(kind, "has impossible parameters");
  }
  return { kind, passes, memory, lanes, salt };
}

/** Of a keyslot or of a digest. */
function parsePbkdf2(fields: JsonFields): Pbkdf2 {
  const kind = fields.text("type");
  if (kind !== "pbkdf2") throw new UnsupportedFeatureError("luks", [`key derivation ${JSON.stringify(kind)}`]);
  const iterations = fields.integer("iterations");
  if (iterations < 1) throw corrupt(kind, "has no iterations");
  return { kind, hash: hashFunction(fields.text("hash")), iterations, salt: fields.bytes("salt") };
}

function corrupt(structure: string, problem: string): CorruptDataError {
  return new CorruptDataError({ format: "luks", structure }, problem);
}
