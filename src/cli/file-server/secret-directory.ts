import { readFile } from "node:fs/promises";
import path from "node:path";
import { ConfigError } from "../../errors.ts";

/** A mounted Secret: one small file a key. Only names from this program are ever looked up. */
export class SecretDirectory {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** @throws ConfigError when the key is missing, empty or cannot be read. */
  async required(key: string): Promise<string> {
    const value = await this.optional(key);
    if (value === undefined || value.trim() === "") {
      throw new ConfigError(`the Secret mounted at ${this.#directory} has no ${key}`);
    }
    return value;
  }

  /** @throws ConfigError when the key is there but cannot be read. */
  async optional(key: string): Promise<string | undefined> {
    const file = path.join(this.#directory, key);
    try {
      return await readFile(file, "utf8");
    } catch (cause) {
      const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
      if (code === "ENOENT") return undefined;
      throw new ConfigError(`${file} cannot be read (${code})`, { cause });
    }
  }
}
