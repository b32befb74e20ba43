import { createPublicKey } from "node:crypto";
import type { ParsedKey } from "ssh2";
import { ConfigError, describeError } from "../../../errors.ts";
import { SourcePattern } from "./source-pattern.ts";

/** One key that may log in. */
export interface AuthorizedKey {
  readonly key: ParsedKey;
  /** The public key as it is on the wire. */
  readonly blob: Buffer;
  readonly comment: string;
  readonly from?: SourcePattern;
  readonly expiresAt?: Date;
}

export interface AuthorizedKeys {
  readonly keys: readonly AuthorizedKey[];
  /** Lines that grant nothing, and why, for the log: `line 3: …`. */
  readonly refused: readonly string[];
}

const MIN_RSA_BITS = 3072;
const KEY_TYPES: ReadonlySet<string> = new Set([
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "ssh-rsa",
]);
/** A name like this starts the key itself; anything else before it is options. */
const ANY_KEY_TYPE = /^(ssh-|ecdsa-|sk-)[a-z0-9@.-]+$/;

interface KeyOptions {
  readonly from?: SourcePattern;
  readonly expiresAt?: Date;
}

/**
 * Parses an authorized_keys file (sshd(8), "AUTHORIZED_KEYS FILE FORMAT"). A bad line grants nothing and
 * takes nothing from the others. `from=` and `expiry-time=` are honoured; the remaining options restrict
 * what this server never grants, or (`command=`) what it never runs, and change nothing.
 * @throws ConfigError when no key is left, naming why.
 */
export async function parseAuthorizedKeys(text: string): Promise<AuthorizedKeys> {
  const { default: ssh2 } = await import("ssh2");
  const keys: AuthorizedKey[] = [];
  const refused: string[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    try {
      keys.push(parseLine(line, ssh2.utils.parseKey));
    } catch (error) {
      refused.push(`line ${index + 1}: ${describeError(error)}`);
    }
  }
  if (keys.length > 0) return { keys, refused };
  const why = refused.length === 0 ? "there is no key in them" : refused.join("; ");
  throw new ConfigError(`nobody could log in with these authorized keys: ${why}`);
}

function parseLine(line: string, parseKey: (data: string) => ParsedKey | Error): AuthorizedKey {
  const startsWithKey = ANY_KEY_TYPE.test(line.split(/\s/, 1)[0] ?? "");
  const optionsEnd = startsWithKey ? 0 : endOfOptions(line);
  const options = parseOptions(splitOptions(line.slice(0, optionsEnd)));
  const [type = "", base64 = "", ...comment] = line.slice(optionsEnd).trim().split(/\s+/);
  if (!KEY_TYPES.has(type)) throw new ConfigError(`keys of type "${type}" cannot be used here`);
  const parsed = parseKey(`${type} ${base64}`);
  const key = Array.isArray(parsed) ? (parsed[0] as ParsedKey) : parsed;
  if (key instanceof Error || key.type !== type) throw new ConfigError("the key is damaged");
  if (type === "ssh-rsa") checkRsaLength(key);
  return { key, blob: key.getPublicSSH(), comment: comment.join(" "), ...options };
}

function checkRsaLength(key: ParsedKey): void {
  const bits = createPublicKey(key.getPublicPEM()).asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < MIN_RSA_BITS) throw new ConfigError(`an RSA key needs ${MIN_RSA_BITS} bits, this one has ${bits}`);
}

/** Position of the first blank outside quotes. */
function endOfOptions(line: string): number {
  let isQuoted = false;
  for (let index = 0; index < line.length; index++) {
    const character = line[index];
    if (character === "\\" && line[index + 1] === '"') index++;
    else if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && (character === " " || character === "\t")) return index;
  }
  throw new ConfigError("there is no key behind the options");
}

function splitOptions(text: string): readonly string[] {
  return text.match(/(?:[^,"\\]|\\.|"(?:[^"\\]|\\.)*")+/g) ?? [];
}

function parseOptions(options: readonly string[]): KeyOptions {
  let result: KeyOptions = {};
  for (const option of options) {
    const [name = "", ...rest] = option.split("=");
    const value = rest.join("=").replace(/^"|"$/g, "").replaceAll('\\"', '"');
    switch (name.toLowerCase()) {
      case "from":
        result = { ...result, from: new SourcePattern(value) };
        break;
      case "expiry-time":
        result = { ...result, expiresAt: parseExpiry(value) };
        break;
      case "cert-authority":
        throw new ConfigError("certificates are not supported, so a cert-authority line grants nothing");
      default:
    }
  }
  return result;
}

/** YYYYMMDD or YYYYMMDDHHMM[SS], in local time unless a Z follows. */
function parseExpiry(value: string): Date {
  const match = /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(Z?)$/i.exec(value);
  if (match === null) throw new ConfigError(`"${value}" is not an expiry time`);
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const date =
    match[7] === ""
      ? new Date(year, month - 1, day, hour, minute, second)
      : new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  return date;
}
