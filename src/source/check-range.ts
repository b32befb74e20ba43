import { SourceError } from "../errors.ts";

/**
 * Offsets come from hostile structures, so every source checks them before use. `what` names the source in
 * the message.
 * @throws SourceError when [offset, offset + length) is not a range of whole bytes inside [0, size).
 */
export function checkRange(offset: number, length: number, size: number, what: string): void {
  const valid =
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= size;
  if (!valid) {
    throw new SourceError(`${what}: bytes ${offset} to ${offset + length} lie outside: it ends at byte ${size}`, {
      retryable: false,
    });
  }
}
