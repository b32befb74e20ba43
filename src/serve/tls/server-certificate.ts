/** What a TLS server presents, and what its clients need to trust it. */
import { createHash, createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { ConfigError, describeError } from "../../errors.ts";

export interface ServerCertificate {
  /** PEM, leaf first, then what a client needs to reach its trust anchor. */
  readonly certificateChain: string;
  /** PEM, unencrypted. */
  readonly privateKey: string;
  /** PEM of the authority to hand to clients (`curl --cacert`); absent when the certificate came from outside. */
  readonly authority?: string;
  /**
   * SHA-256 of the leaf's SubjectPublicKeyInfo in base64: what `curl --pinnedpubkey sha256//…` and Chromium's
   * `--ignore-certificate-errors-spki-list` take.
   */
  readonly publicKeySha256: string;
  readonly validUntil: Date;
}

/**
 * Checks a certificate and key brought by the user.
 * @throws ConfigError when either is not PEM, they do not belong together, or the certificate has expired.
 */
export function loadServerCertificate(
  certificateChain: string,
  privateKey: string,
  now = new Date(),
): ServerCertificate {
  const leaf = parsed("certificate", () => new X509Certificate(certificateChain));
  const key = parsed("private key", () => createPrivateKey(privateKey));
  if (!leaf.checkPrivateKey(key)) throw new ConfigError("the TLS private key does not belong to the TLS certificate");
  const validUntil = new Date(leaf.validTo);
  if (validUntil <= now) throw new ConfigError(`the TLS certificate expired on ${validUntil.toISOString()}`);
  return { certificateChain, privateKey, publicKeySha256: publicKeySha256(leaf.publicKey), validUntil };
}

export function publicKeySha256(key: KeyObject): string {
  return createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("base64");
}

function parsed<Value>(what: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    throw new ConfigError(`the TLS ${what} cannot be read: ${describeError(error)}`, { cause: error });
  }
}
