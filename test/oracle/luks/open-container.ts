import { argon2 } from "../../../src/cli/argon2.ts";
import { KeyRing } from "../../../src/disk/volume/luks/key-ring.ts";
import type { ByteSource } from "../../../src/source/byte-source.ts";
import { innerVolumes, withAssembledImages } from "../lvm2/assembled.ts";

/** Tries each of them on every volume. */
export function keyRing(...passphrases: readonly string[]): KeyRing {
  const bytes = passphrases.map((text) => Buffer.from(text));
  return new KeyRing(bytes, argon2);
}

/** What is in the only container of an image. @throws Error with the reason when it cannot be opened */
export async function withContainer(
  image: string | ByteSource,
  keys: KeyRing,
  work: (source: ByteSource, warnings: readonly string[]) => Promise<void>,
): Promise<void> {
  await withAssembledImages(
    [image],
    async ([disk]) => {
      const [volume] = innerVolumes(disk === undefined ? [] : [disk]).values();
      if (disk === undefined || volume === undefined) {
        const reasons = disk?.volumes.map(({ content }) => (content.kind === "unreadable" ? content.reason : ""));
        throw new Error(reasons?.join("; "));
      }
      await work(volume.source, disk.table.warnings);
    },
    { keys },
  );
}
