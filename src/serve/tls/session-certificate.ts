/**
 * A certificate for one run of the server: a leaf signed by an authority made for it alone. The authority's key
 * is dropped at once, so trusting its certificate trusts this server and nothing else. Two certificates rather
 * than one self-signed, because Firefox refuses an authority as a server and strict verifiers (Python, Go)
 * refuse a server as an authority.
 */

import { webcrypto, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { publicKeySha256, type ServerCertificate } from "./server-certificate.ts";

export interface SessionCertificateOptions {
  /** Host names and addresses clients may use; the loopback ones are always added. */
  readonly hosts?: readonly string[];
  /** When the server ends. The certificate is valid until an hour later, and for a day at least. */
  readonly expiresAt?: Date;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Apple's clients refuse certificates that are valid for longer than 825 days, public ones 398. */
const LONGEST_MS = 397 * DAY_MS;
/** Clients whose clocks run slow still accept it. */
const CLOCK_SKEW_MS = HOUR_MS;
const LOOPBACK_NAMES = ["localhost", "127.0.0.1", "::1"];
const WILDCARD_ADDRESSES = new Set(["0.0.0.0", "::"]);
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** EC P-256, RFC 5280 profile. */
export async function createSessionCertificate(options: SessionCertificateOptions = {}): Promise<ServerCertificate> {
  // Loading this package takes a quarter of a second, which only runs that need a certificate should pay.
  const x509 = await import("@peculiar/x509");
  const notBefore = new Date(Date.now() - CLOCK_SKEW_MS);
  const notAfter = expiry(options.expiresAt);
  const authorityKeys = await keyPair();
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: "CN=vmfr session authority",
    notBefore,
    notAfter,
    signingAlgorithm: ALGORITHM,
    keys: authorityKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(authorityKeys.publicKey),
    ],
  });
  const leafKeys = await keyPair();
  const leaf = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: "CN=vmfr",
    issuer: authority.subject,
    notBefore,
    notAfter,
    signingAlgorithm: ALGORITHM,
    publicKey: leafKeys.publicKey,
    signingKey: authorityKeys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(alternativeNames(options.hosts ?? [])),
      await x509.SubjectKeyIdentifierExtension.create(leafKeys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(authorityKeys.publicKey),
    ],
  });
  const privateKey = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", leafKeys.privateKey));
  return {
    certificateChain: `${leaf.toString("pem")}\n`,
    privateKey: pem("PRIVATE KEY", privateKey),
    authority: `${authority.toString("pem")}\n`,
    publicKeySha256: publicKeySha256(new X509Certificate(leaf.toString("pem")).publicKey),
    validUntil: notAfter,
  };
}

function expiry(expiresAt: Date | undefined): Date {
  const now = Date.now();
  if (expiresAt === undefined) return new Date(now + LONGEST_MS);
  const wanted = Math.max(expiresAt.getTime() + HOUR_MS, now + DAY_MS);
  return new Date(Math.min(wanted, now + LONGEST_MS));
}

function keyPair(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

/** 16 random octets, positive and without a leading zero octet (RFC 5280, section 4.1.2.2). */
function serialNumber(): string {
  const octets = webcrypto.getRandomValues(new Uint8Array(16));
  octets[0] = ((octets[0] ?? 0) & 0x3f) | 0x40;
  return Buffer.from(octets).toString("hex");
}

function alternativeNames(hosts: readonly string[]): { type: "dns" | "ip"; value: string }[] {
  const names = new Set([...LOOPBACK_NAMES, ...hosts.filter((host) => !WILDCARD_ADDRESSES.has(host))]);
  return [...names].map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value }));
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
