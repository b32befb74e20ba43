import type { Algorithms } from "ssh2";

/**
 * Everything offered, best first; the client's order decides. Left out: SHA-1, CBC, MACs over plaintext,
 * NIST curves for key exchange, 2048-bit groups, and group exchange, which ssh2 offers by default but does
 * not implement for servers. `kex-strict` (against the Terrapin attack) is added by ssh2 itself.
 */
export const ALGORITHMS: Algorithms = {
  kex: [
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
  ],
  serverHostKey: ["ssh-ed25519"],
  cipher: ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr"],
  hmac: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"],
  compress: ["none"],
};
