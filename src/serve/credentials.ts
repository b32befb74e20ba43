/** The one user and password of a server, kept as a hash, checked in the same time whatever is wrong. */
import { createHash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";

export interface Credentials {
  /** For display and logs. */
  readonly user: string;
  /** True when both match. Takes as long for a wrong user as for a wrong password. */
  verify(user: string, password: string): Promise<boolean>;
}

/** About 80 ms and 32 MiB a guess (RFC 7914; OWASP's figures for interactive logins). */
const COST: ScryptOptions = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
const KEY_LENGTH = 32;

/** The password itself is not kept. */
export async function createCredentials(user: string, password: string): Promise<Credentials> {
  const salt = randomBytes(16);
  const userDigest = digest(user);
  const passwordHash = await hash(password, salt);
  // One guess at a time: each takes 32 MiB.
  let turn: Promise<unknown> = Promise.resolve();
  return {
    user,
    async verify(claimedUser, claimedPassword) {
      const hashed = turn.then(() => hash(claimedPassword, salt));
      turn = hashed.catch(() => undefined);
      const claimedHash = await hashed;
      const userMatches = timingSafeEqual(digest(claimedUser), userDigest);
      const passwordMatches = timingSafeEqual(claimedHash, passwordHash);
      return userMatches && passwordMatches;
    },
  };
}

/** For servers that invent their password: 120 bits in an alphabet without look-alikes, in groups to read aloud. */
export function generatePassword(): string {
  const alphabet = "abcdefghjkmnpqrstuvwxyz23456789"; // 31 letters
  const letters: string[] = [];
  while (letters.length < 25) {
    const byte = randomBytes(1)[0] ?? 0;
    // 248 is the largest multiple of 31 in a byte: dropping the rest keeps all letters equally likely.
    if (byte < 248) letters.push(alphabet.charAt(byte % 31));
  }
  return letters.join("").replace(/(.{5})(?=.)/g, "$1-");
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function hash(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFC"), salt, KEY_LENGTH, COST, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
