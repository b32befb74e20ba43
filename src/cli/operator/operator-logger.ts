/** The operator's log, with the levels and formats of the manager it replaces. */
import { Writable } from "node:stream";
import { destination, type Logger, pino } from "pino";

/** logrus counts from panic to trace. */
const LEVELS = ["fatal", "fatal", "error", "warn", "info", "debug", "debug"] as const;
const NAMES: Record<number, string> = { 10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal" };

/** @param level `LOG_LEVEL`, 0 to 6. @param format `LOG_FORMAT`: json or text */
export function createOperatorLogger(level: string | undefined, format: string | undefined): Logger {
  const chosen = level === undefined || level === "" ? "info" : LEVELS[Number(level)];
  const options = { level: chosen ?? "info", base: null, timestamp: pino.stdTimeFunctions.isoTime };
  const logger = pino(options, format === "json" ? destination({ fd: 2, sync: true }) : textStream());
  if (chosen === undefined) logger.warn({ LOG_LEVEL: level }, "LOG_LEVEL must be 0 to 6; info is used");
  return logger;
}

function textStream(): Writable {
  const stderr = destination({ fd: 2, sync: true });
  return new Writable({
    decodeStrings: false,
    write(line: string, _encoding, done) {
      stderr.write(`${asText(line)}\n`);
      done();
    },
  });
}

/** `2026-01-01T00:00:00.000Z info  Became leader identity="a"` */
function asText(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const name = NAMES[Number(level)] ?? "info";
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
  return `${time} ${name.padEnd(5)} ${msg}${rest.join("")}`;
}
