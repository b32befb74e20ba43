/** Who read what: one line a transfer, with the path escaped so that a guest's names cannot forge lines. */
import { displayName } from "../../bytes/byte-name.ts";
import { describeError } from "../../errors.ts";
import type { Logger } from "../log.ts";
import { clientAddress, type HttpContext } from "./context.ts";
import type { StreamOutcome } from "./send-stream.ts";

export interface Transfer {
  ended(outcome: StreamOutcome, client: AbortSignal): void;
}

/** @param what `file read` or `archive` */
export function recordTransfer(logger: Logger, c: HttpContext, what: string, path: Uint8Array): Transfer {
  const startedAt = performance.now();
  const who = { user: c.get("user"), address: clientAddress(c), path: displayName(path) };
  return {
    ended({ bytes, failure }, client) {
      const fields = { ...who, bytes, ms: Math.round(performance.now() - startedAt) };
      if (failure === undefined) logger.info(fields, what);
      else if (client.aborted) logger.info(fields, `${what}: the client left`);
      else logger.error({ ...fields, reason: describeError(failure) }, `${what}: failed, connection cut`);
    },
  };
}
