import * as crypto from "node:crypto";
import type { Argon2 } from "../disk/volume/luks/key-derivation.ts";

/** What newer versions of node:crypto have and the types of the oldest supported one do not know. */
interface NativeArgon2 {
  argon2(
    algorithm: string,
    parameters: {
      readonly message: Uint8Array;
      readonly nonce: Uint8Array;
      readonly parallelism: number;
      readonly tagLength: number;
      readonly memory: number;
      readonly passes: number;
    },
    callback: (error: Error | null, key: Uint8Array) => void,
  ): void;
}

function hasNativeArgon2(module: object): module is NativeArgon2 {
  return "argon2" in module;
}

/** WebAssembly, loaded on first use. Holds up everything else while it computes: seconds, as it is meant to. */
export const argon2InWebAssembly: Argon2 = async ({ kind, passes, memory, lanes, salt }, passphrase, length) => {
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

/** Node's own in the thread pool where this Node has one. */
export const argon2: Argon2 = hasNativeArgon2(crypto) ? native(crypto) : argon2InWebAssembly;

function native(module: NativeArgon2): Argon2 {
  return ({ kind, passes, memory, lanes: parallelism, salt: nonce }, message, tagLength) =>
    new Promise((resolve, reject) => {
      const parameters = { message, nonce, parallelism, tagLength, memory, passes };
      module.argon2(kind, parameters, (error, key) => (error ? reject(error) : resolve(new Uint8Array(key))));
    });
}
