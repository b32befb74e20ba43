import { AccessError, UnsupportedFeatureError } from "../errors.ts";
import { openAuthenticated } from "./content-encryption.ts";
import { fieldReader, type JsonFields, parseJsonFields } from "./json-fields.ts";
import { deriveFormatKey, deriveKey } from "./key-derivation.ts";

/** Name of the blob that makes a folder of a bucket a Kopia repository. */
export const FORMAT_BLOB = "kopia.repository";

/** What a reader needs of a repository's configuration (kopia: repo/format). */
export interface RepositoryFormat {
  /** 1, 2 or 3. */
  readonly version: number;
  readonly hash: string;
  readonly encryption: string;
  /** Key of the content hash. */
  readonly secret: Uint8Array;
  readonly masterKey: Uint8Array;
  /** Index blobs are organised in epochs (`x…` blobs) instead of `n…` blobs. */
  readonly epochs: boolean;
  /** Sentences worth showing: upgrade under way, optional features that are not known. */
  readonly warnings: readonly string[];
}

const NEWEST_VERSION = 3;
const KNOWN_FEATURES = new Set(["index-v1", "index-v2"]);
const PLACE = { format: "kopia", structure: FORMAT_BLOB };

/**
 * Opens `kopia.repository` with the password.
 * @param repository how messages name the repository
 * @throws AccessError for a wrong password, CorruptDataError, UnsupportedFeatureError.
 */
export async function openRepositoryFormat(
  blob: Uint8Array,
  password: string,
  repository: string,
): Promise<RepositoryFormat> {
  const envelope = parseJsonFields(blob, PLACE);
  const uniqueId = envelope.base64("uniqueID");
  const encryption = envelope.text("encryption");
  if (encryption !== "AES256_GCM")
    throw new UnsupportedFeatureError("kopia", [`configuration encryption ${encryption}`]);
  const formatKey = await deriveFormatKey(envelope.text("keyAlgo"), password, uniqueId);
  const plaintext = openAuthenticated(
    "aes-256-gcm",
    deriveKey(formatKey, uniqueId, "AES"),
    envelope.base64("encryptedBlockFormat"),
    deriveKey(formatKey, uniqueId, "CHECKSUM"),
  );
  if (plaintext === undefined) {
    throw new AccessError(`${repository}: the repository password is wrong; ${FORMAT_BLOB} does not open with it`);
  }
  return parseConfiguration(plaintext);
}

function parseConfiguration(plaintext: Uint8Array): RepositoryFormat {
  const format = parseJsonFields(plaintext, PLACE).child("format");
  const version = format.integer("version");
  if (version < 1 || version > NEWEST_VERSION) {
    throw new UnsupportedFeatureError("kopia", [`repository format version ${version}`], "a newer vmfr may read it");
  }
  if (format.integer("eccOverheadPercent", 0) > 0) {
    const algorithm = format.text("ecc", "unnamed");
    throw new UnsupportedFeatureError("kopia", [`error correction (ECC ${algorithm})`], "restore it with Kopia itself");
  }
  return {
    version,
    hash: format.text("hash"),
    encryption: format.text("encryption"),
    secret: format.base64("secret"),
    masterKey: format.base64("masterKey"),
    epochs: format.optionalChild("epochParameters")?.flag("Enabled") ?? false,
    warnings: [
      ...upgradeWarnings(format.optionalChild("upgradeLock")),
      ...featureWarnings(format.list("requiredFeatures")),
    ],
  };
}

function upgradeWarnings(lock: JsonFields | undefined): string[] {
  if (lock === undefined) return [];
  return [
    `an upgrade of the repository was begun by ${lock.text("ownerID", "an unnamed owner")}; new backups may not be visible yet`,
  ];
}

/** @throws UnsupportedFeatureError for a feature that must be understood and is not. */
function featureWarnings(required: readonly unknown[]): string[] {
  const warnings: string[] = [];
  for (const item of required) {
    const fields = fieldReader(item, PLACE);
    const feature = fields.text("feature");
    if (KNOWN_FEATURES.has(feature)) continue;
    if (fields.optionalChild("ifNotUnderstood")?.flag("warn") !== true) {
      throw new UnsupportedFeatureError("kopia", [`required feature ${feature}`], "a newer vmfr may read it");
    }
    warnings.push(
      `the repository uses the feature ${feature}, which this version does not know; it is marked as safe to ignore`,
    );
  }
  return warnings;
}
