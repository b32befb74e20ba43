/**
 * The built web app, read into memory once: requests pick from a fixed set of names and no request can name
 * another file. All of it is public, since it holds the login form and no data.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { ConfigError, describeError } from "../../errors.ts";

export interface WebAsset {
  readonly bytes: Buffer;
  /** Where it pays. */
  readonly gzipped?: Buffer;
  readonly contentType: string;
  readonly etag: string;
  readonly cacheControl: string;
}

export interface WebAssets {
  readonly index: WebAsset;
  /** By URL path. */
  readonly files: ReadonlyMap<string, WebAsset>;
}

const CONTENT_TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".webmanifest": "application/manifest+json",
  ".txt": "text/plain; charset=utf-8",
};

const COMPRESSIBLE = /^(?:text\/|application\/|image\/svg)/;
const compress = promisify(gzip);

/** @throws ConfigError when the folder cannot be read or has no index.html. */
export async function loadWebAssets(webRoot: string): Promise<WebAssets> {
  const files = new Map<string, WebAsset>();
  try {
    for (const found of await readdir(webRoot, { recursive: true, withFileTypes: true })) {
      if (!found.isFile()) continue;
      const file = path.join(found.parentPath ?? found.path, found.name);
      const name = path.relative(webRoot, file).split(path.sep).join("/");
      files.set(`/${name}`, await loadAsset(file, name));
    }
  } catch (error) {
    throw new ConfigError(`the web app cannot be read from ${webRoot}: ${describeError(error)}`, { cause: error });
  }
  const index = files.get("/index.html");
  if (index === undefined) throw new ConfigError(`the web app in ${webRoot} has no index.html`);
  files.delete("/index.html");
  return { index, files };
}

async function loadAsset(file: string, name: string): Promise<WebAsset> {
  const bytes = await readFile(file);
  const contentType = CONTENT_TYPES[path.extname(name)] ?? "application/octet-stream";
  const gzipped =
    COMPRESSIBLE.test(contentType) && bytes.length > 1024 ? await compress(bytes, { level: 9 }) : undefined;
  return {
    bytes,
    contentType,
    etag: `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 27)}"`,
    // Vite puts a hash of the content into the names below assets/.
    cacheControl: name.startsWith("assets/") ? "public, max-age=31536000, immutable" : "no-cache",
    ...(gzipped === undefined ? {} : { gzipped }),
  };
}
