import { timingSafeEqual } from "node:crypto";
import { AccessError } from "../../../errors.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import { mergeStripes } from "./anti-forensic.ts";
import { type Argon2, deriveKey } from "./key-derivation.ts";
import { areaSize, type Keyslot, type LuksHeader } from "./luks-header.ts";
import { IV_UNIT } from "./sector-cipher.ts";

/** What opens encrypted volumes: the passphrases somebody gave, and the keys they have led to. */
export class KeyRing {
  readonly #passphrases: readonly Uint8Array[];
  readonly #argon2: Argon2;
  readonly #found: Uint8Array[] = [];
  /** Keys are derived one at a time: each may take a gigabyte, and the next volume may have the same key. */
  #last: Promise<unknown> = Promise.resolve();

  /** @param passphrases each is tried on every volume; taken over, and overwritten in the end */
  constructor(passphrases: readonly Uint8Array[], argon2: Argon2) {
    this.#passphrases = passphrases;
    this.#argon2 = argon2;
  }

  /**
   * The key of a volume; the ring's own, not to be changed. The same volume in another backup costs no derivation.
   * @param source the volume with the header
   * @throws AccessError when no passphrase leads to it; why a keyslot cannot be used, when none can; SourceError
   */
  volumeKey(header: LuksHeader, source: ByteSource, signal?: AbortSignal): Promise<Uint8Array> {
    const found = this.#last.then(() => this.#find(header, source, signal));
    this.#last = found.catch(() => undefined);
    return found;
  }

  /** Overwrites everything secret in it; opens nothing any more. */
  forget(): void {
    for (const secret of [...this.#passphrases, ...this.#found]) secret.fill(0);
    this.#found.length = 0;
  }

  async #find(header: LuksHeader, source: ByteSource, signal?: AbortSignal): Promise<Uint8Array> {
    const { keyslots, unusable } = header;
    for (const key of this.#found) if (await this.#isKeyOf(header, key)) return key;
    if (keyslots.length === 0) throw unusable[0] ?? new AccessError("no keyslot is in use: no passphrase opens it");
    for (const passphrase of this.#passphrases) {
      for (const keyslot of keyslots) {
        signal?.throwIfAborted();
        const key = await this.#tryKeyslot(keyslot, passphrase, source, signal);
        if (await this.#isKeyOf(header, key)) {
          this.#found.push(key);
          return key;
        }
        key.fill(0);
      }
    }
    const others = unusable.map((error) => `; not tried: ${error.message}`).join("");
    throw new AccessError(`no given passphrase opens it${others}`);
  }

  /** Noise unless the passphrase is the keyslot's. */
  async #tryKeyslot(
    keyslot: Keyslot,
    passphrase: Uint8Array,
    source: ByteSource,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    const { area, derivation, keySize, hash } = keyslot;
    const derived = await deriveKey(derivation, passphrase, area.keySize, this.#argon2);
    const cipher = area.encryption.withKey(derived, IV_UNIT);
    derived.fill(0);
    const split = cipher.decrypt(await source.read(area.offset, areaSize(keyslot), signal), 0);
    const key = mergeStripes(split, keySize, hash);
    split.fill(0);
    return key;
  }

  async #isKeyOf({ segment, digest: { derivation, digest } }: LuksHeader, key: Uint8Array): Promise<boolean> {
    if (!segment.encryption.keySizes.includes(key.length)) return false;
    return timingSafeEqual(await deriveKey(derivation, key, digest.length, this.#argon2), digest);
  }
}
