import { destination, pino } from "pino";
import type { Logger } from "../serve/log.ts";

/** JSON lines on stderr: stdout belongs to what a command prints. */
export function createLogger(verbose: boolean): Logger {
  return pino({ level: verbose ? "info" : "warn", base: null }, destination({ fd: 2, sync: true }));
}
