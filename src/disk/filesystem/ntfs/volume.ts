import type { Limits } from "../../../bytes/limits.ts";
import type { ByteSource } from "../../../source/byte-source.ts";
import type { CachedSource } from "../../../source/cached-source.ts";
import type { Geometry } from "./boot-sector.ts";

/** What every structure of one opened volume is read with. */
export interface Volume {
  readonly geometry: Geometry;
  /** For file contents: large reads go straight to the disk. */
  readonly data: ByteSource;
  /** For structures: the same bytes through a cache that can be asked without awaiting. */
  readonly metadata: CachedSource;
  readonly limits: Limits;
}
