/**
 * Which Host headers are answered. A page of a hostile site whose name is made to point at this server ("DNS
 * rebinding") sends its own name; addresses and our own names cannot be pointed elsewhere.
 */
import { isIP } from "node:net";

export interface HostCheck {
  /** `header` as sent, with or without a port: tunnels and port-forwards change it. */
  allows(header: string | undefined): boolean;
}

/** Where a proxy decides on names, as in a cluster. A rebound name brings no session and no password with it. */
export const ANY_HOST = "*";

/** @param names beyond loopback and plain addresses: the listen host, a Service's or Route's name, or ANY_HOST. */
export function createHostCheck(names: readonly string[]): HostCheck {
  const anyHost = names.includes(ANY_HOST);
  const allowed = new Set(["localhost", ...names.map((name) => withoutDot(name.toLowerCase()))]);
  return {
    allows(header) {
      const host = hostOf(header ?? "");
      return host !== undefined && (anyHost || isIP(host) !== 0 || allowed.has(host));
    },
  };
}

function hostOf(header: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(header);
  const host = match?.[1] ?? match?.[2];
  return host === undefined ? undefined : withoutDot(host.toLowerCase());
}

function withoutDot(host: string): string {
  return host.endsWith(".") ? host.slice(0, -1) : host;
}
