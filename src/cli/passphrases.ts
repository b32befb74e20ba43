import { readFile } from "node:fs/promises";
import type { KeyRing } from "../disk/volume/luks/key-ring.ts";
import { ConfigError } from "../errors.ts";
import { askSecret } from "./ask-secret.ts";
import type { CommandContext } from "./context.ts";
import type { SourceOptions } from "./source-options.ts";

/** Bytes; cryptsetup takes no longer ones either. */
const LONGEST_PASSPHRASE = 8 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Undefined without passphrases. @throws ConfigError for a file that cannot be one, or without a terminal to ask on */
export async function openKeyRing(
  context: CommandContext,
  { passphraseFile, askPassphrase }: Pick<SourceOptions, "passphraseFile" | "askPassphrase">,
): Promise<KeyRing | undefined> {
  const passphrases = await Promise.all(passphraseFile.map(readPassphrase));
  if (askPassphrase) passphrases.push(await askSecret(context, "Passphrase of the encrypted volumes: "));
  if (passphrases.length === 0) return undefined;
  const [{ KeyRing }, { argon2 }] = await Promise.all([
    import("../disk/volume/luks/key-ring.ts"),
    import("./argon2.ts"),
  ]);
  return new KeyRing(passphrases, argon2);
}

/** Without the newline that editors and `echo` put at the end. */
async function readPassphrase(file: string): Promise<Uint8Array> {
  const content = await readFile(file).catch((cause: unknown) => {
    throw new ConfigError(`--passphrase-file ${file} cannot be read`, { cause });
  });
  const passphrase = content.at(-1) === NEWLINE ? content.subarray(0, -1) : content;
  if (passphrase.length === 0) throw new ConfigError(`--passphrase-file ${file} is empty`);
  if (passphrase.length > LONGEST_PASSPHRASE) throw new ConfigError(`--passphrase-file ${file} is no passphrase`);
  return passphrase;
}
