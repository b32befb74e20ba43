import { DirectoryStore } from "./directory-store.ts";
import type { ObjectStore } from "./object-store.ts";
import { RetryingStore } from "./retrying-store.ts";
import type { S3Options } from "./s3-options.ts";
import { S3Store } from "./s3-store.ts";
import { parseStoreUrl, type StoreLocation } from "./store-url.ts";

/** What a URL should not or cannot say; wins over it. */
export type StoreOverrides = Partial<Omit<S3Options, "bucket" | "prefix">>;

/**
 * Opens the store at a URL or location.
 * @throws ConfigError for what cannot work, SourceError when a folder does not exist. Buckets are not contacted yet.
 */
export async function openObjectStore(
  url: string | StoreLocation,
  overrides: StoreOverrides = {},
): Promise<ObjectStore> {
  const location = typeof url === "string" ? parseStoreUrl(url) : url;
  if (location.kind === "directory") return await DirectoryStore.open(location.directory);
  return new RetryingStore(await S3Store.open({ ...location, ...overrides }));
}
