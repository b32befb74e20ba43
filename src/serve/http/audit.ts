/** Who read what: one line a transfer, with the path escaped so that a guest's names cannot forge lines. */
import { displayName } from "../../bytes/byte-name.ts";
import { describeError } from "../../errors.ts";
import type { Logger } from "../log.ts";
import { clientAddress, type HttpContext } from "./context.ts";
import type { StreamOutcome } from "./send-stream.ts";

export interface Transfer {
  ended(outcome: StreamOutcome): void;
}

/** @param what `file read` or `archive` */
export function recordTransfer(logger: Logger, c: HttpContext, what: string, path: Uint8Array): Transfer {
  const startedAt = performance.now();
  const who = { user: c.get("user"), address: clientAddress(c), path: displayName(path) };
  return {
    ended(outcome) {
      const fields = { ...who, bytes: outcome.bytes, ms: Math.round(performance.now() - startedAt) };
      if (outcome.end === "complete") logger.info(fields, what);
      else if (outcome.end === "connection-lost") logger.info(fields, `${what}: not finished, the connection ended`);
      else logger.error({ ...fields, reason: describeError(outcome.failure) }, `${what}: failed, connection cut`);
    },
  };
}
