/**
 * What a guest's file is said to be. Only types that no browser runs are named; HTML, SVG, XML, PDF and scripts
 * are plain bytes, so a file from a compromised guest cannot act in the administrator's session.
 */
import { nameKey } from "../../bytes/byte-name.ts";

const IMAGES: Record<string, string> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  avif: "image/avif",
  bmp: "image/bmp",
  ico: "image/x-icon",
};

const TEXTS = new Set(
  "txt text log conf cfg cnf ini env md rst json yaml yml toml csv tsv properties service repo list rules".split(" "),
);

const UNKNOWN_MEDIA_TYPE = "application/octet-stream";

/** By the name's extension; text goes without a charset because nobody knows it. */
export function mediaTypeOf(name: Uint8Array): string {
  const extension = /\.([a-z0-9]+)$/i.exec(nameKey(name))?.[1]?.toLowerCase() ?? "";
  if (TEXTS.has(extension)) return "text/plain";
  return Object.hasOwn(IMAGES, extension) ? (IMAGES[extension] ?? UNKNOWN_MEDIA_TYPE) : UNKNOWN_MEDIA_TYPE;
}
