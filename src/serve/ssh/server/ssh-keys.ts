import { createHash } from "node:crypto";
import { ConfigError } from "../../../errors.ts";

export interface SshKeyPair {
  /** OpenSSH's own private key format, unencrypted. */
  readonly privateKey: string;
  /** One line as in an authorized_keys file. */
  readonly publicKey: string;
}

/** A new ed25519 key for a server. */
export function generateHostKey(): Promise<SshKeyPair> {
  return generateKey("vmfr host key");
}

/** A new ed25519 key for somebody to log in with; `comment` ends its public line. */
export function generateUserKey(comment: string): Promise<SshKeyPair> {
  return generateKey(comment);
}

async function generateKey(comment: string): Promise<SshKeyPair> {
  const { default: ssh2 } = await import("ssh2");
  const { private: privateKey, public: publicKey } = ssh2.utils.generateKeyPairSync("ed25519", { comment });
  return { privateKey, publicKey };
}

/** The public key's bytes as they are on the wire (RFC 4253 section 6.6), from a private key. */
export async function publicKeyBlob(privateKey: string): Promise<Buffer> {
  const { default: ssh2 } = await import("ssh2");
  const parsed = ssh2.utils.parseKey(privateKey);
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  if (key instanceof Error) throw new ConfigError(`the SSH host key cannot be read: ${key.message}`);
  if (!key.isPrivateKey()) throw new ConfigError("the SSH host key is a public key; the private one is needed");
  if (key.type !== "ssh-ed25519")
    throw new ConfigError(`the SSH host key is of type ${key.type}; ssh-ed25519 is needed`);
  return key.getPublicSSH();
}

/** As `ssh-keygen -l` prints it. */
export function fingerprint(publicKey: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(publicKey).digest("base64").replace(/=+$/, "")}`;
}

/** A known_hosts line for an ed25519 host key; ports other than 22 are part of the name. */
export function knownHostsLine(host: string, port: number, publicKey: Uint8Array): string {
  const name = port === 22 ? host : `[${host}]:${port}`;
  return `${name} ssh-ed25519 ${Buffer.from(publicKey).toString("base64")}`;
}
