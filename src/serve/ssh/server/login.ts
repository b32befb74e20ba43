import type { AuthContext } from "ssh2";
import type { AuthorizedKey } from "./authorized-keys.ts";

/** RSA signatures over SHA-1 (`ssh-rsa`) come without one of these. */
const RSA_HASHES: ReadonlySet<string> = new Set(["sha256", "sha512"]);

export interface LoginPolicy {
  readonly user: string;
  readonly keys: readonly AuthorizedKey[];
}

/**
 * The key a login request is granted by, or undefined. A client may first ask whether a key would do,
 * without a signature; the same answer then lets it go on, and only a verified signature logs it in.
 * @param address the client's, for `from=`.
 */
export function grantingKey(
  policy: LoginPolicy,
  context: AuthContext,
  address: string,
  now = new Date(),
): AuthorizedKey | undefined {
  if (context.method !== "publickey" || context.username !== policy.user) return undefined;
  const { key: offered, signature, blob, hashAlgo } = context;
  const authorized = policy.keys.find(
    (candidate) => candidate.key.type === offered.algo && candidate.blob.equals(offered.data),
  );
  if (authorized === undefined) return undefined;
  if (authorized.from !== undefined && !authorized.from.allows(address)) return undefined;
  if (authorized.expiresAt !== undefined && authorized.expiresAt <= now) return undefined;
  if (offered.algo === "ssh-rsa" && !RSA_HASHES.has(hashAlgo ?? "")) return undefined;
  if (signature === undefined || blob === undefined) return signature === undefined ? authorized : undefined;
  return authorized.key.verify(blob, signature, hashAlgo) === true ? authorized : undefined;
}
