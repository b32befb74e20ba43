/** What serving code logs through; the composition root decides where it goes and in which form. */

export type LogFields = Readonly<Record<string, unknown>>;

/** Shaped like pino's methods, so that a pino logger is one. */
export interface Logger {
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}
