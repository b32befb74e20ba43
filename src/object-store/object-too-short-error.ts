import { SourceError } from "../errors.ts";
import type { ByteRange } from "./object-store.ts";

/** The object exists and ends before the range that was asked for. Asking again does not help. */
export class ObjectTooShortError extends SourceError {
  readonly key: string;

  constructor(store: string, key: string, range: ByteRange) {
    const end = range.start + range.length;
    super(`${store}: object ${key} is too short: it has no bytes ${range.start} to ${end - 1}`, { retryable: false });
    this.key = key;
  }
}
