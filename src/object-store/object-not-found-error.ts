import { SourceError } from "../errors.ts";

/** The key does not exist (any more). Kopia's reader lists its indexes again on this one. */
export class ObjectNotFoundError extends SourceError {
  readonly key: string;

  constructor(store: string, key: string) {
    super(`${store}: object ${key} does not exist`, { retryable: false });
    this.key = key;
  }
}
