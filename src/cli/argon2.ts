import type { Argon2 } from "../disk/volume/luks/key-derivation.ts";

/** WebAssembly, loaded on first use. */
export const argon2: Argon2 = async ({ kind, passes, memory, lanes, salt }, passphrase, length) => {
  const functions = await import("hash-wasm");
  return functions[kind]({
    password: passphrase,
    salt,
    iterations: passes,
    memorySize: memory,
    parallelism: lanes,
    hashLength: length,
    outputType: "binary",
  });
};
