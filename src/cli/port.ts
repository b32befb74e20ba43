import { ConfigError } from "../errors.ts";

/** A TCP port; 0 stands for any free one. @throws ConfigError for anything else */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new ConfigError(`${JSON.stringify(text)} is not a port`);
  return port;
}
