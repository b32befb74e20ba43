import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { ConfigError } from "../../../errors.ts";

const KEY_TYPE = "ssh-ed25519";

export interface SshKeyPair {
  /** OpenSSH's own private key format, unencrypted. */
  readonly privateKey: string;
  /** One line as in an authorized_keys file. */
  readonly publicKey: string;
}

/** A new ed25519 key for a server. */
export function generateHostKey(): SshKeyPair {
  return generateUserKey("vmfr host key");
}

/**
 * A new ed25519 key for somebody to log in with; `comment` ends its public line. Written here since ssh2's own
 * generator drops leading zero bytes: one of its keys in a few hundred can be read by nobody.
 */
export function generateUserKey(comment: string): SshKeyPair {
  const { x = "", d = "" } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  const publicBytes = Buffer.from(x, "base64url");
  const blob = Buffer.concat([string(KEY_TYPE), string(publicBytes)]);
  return {
    privateKey: privateKeyFile(blob, publicBytes, Buffer.from(d, "base64url"), comment),
    publicKey: `${KEY_TYPE} ${blob.toString("base64")} ${comment}`,
  };
}

/** OpenSSH's PROTOCOL.key, with cipher and key derivation `none`. */
function privateKeyFile(blob: Buffer, publicBytes: Buffer, secret: Buffer, comment: string): string {
  const check = randomBytes(4);
  const secretPart = Buffer.concat([
    Buffer.concat([check, check]),
    string(KEY_TYPE),
    string(publicBytes),
    string(Buffer.concat([secret, publicBytes])),
    string(comment),
  ]);
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7]).subarray(0, -secretPart.length & 7);
  const file = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    string("none"),
    string("none"),
    string(""),
    uint32(1),
    string(blob),
    string(Buffer.concat([secretPart, padding])),
  ]);
  const lines = file.toString("base64").match(/.{1,70}/g) ?? [];
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join("\n");
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}

/** RFC 4251 section 5: a 32-bit length and the bytes. */
function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

/** The public key's bytes as they are on the wire (RFC 4253 section 6.6), from a private key. */
export async function publicKeyBlob(privateKey: string): Promise<Buffer> {
  const { default: ssh2 } = await import("ssh2");
  const parsed = ssh2.utils.parseKey(privateKey);
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  if (key instanceof Error) throw new ConfigError(`the SSH host key cannot be read: ${key.message}`);
  if (!key.isPrivateKey()) throw new ConfigError("the SSH host key is a public key; the private one is needed");
  if (key.type !== KEY_TYPE) throw new ConfigError(`the SSH host key is of type ${key.type}; ${KEY_TYPE} is needed`);
  return key.getPublicSSH();
}

/** As `ssh-keygen -l` prints it. */
export function fingerprint(publicKey: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(publicKey).digest("base64").replace(/=+$/, "")}`;
}

/** A known_hosts line for an ed25519 host key; ports other than 22 are part of the name. */
export function knownHostsLine(host: string, port: number, publicKey: Uint8Array): string {
  const name = port === 22 ? host : `[${host}]:${port}`;
  return `${name} ${KEY_TYPE} ${Buffer.from(publicKey).toString("base64")}`;
}
