import { BlockList, isIP } from "node:net";
import { ConfigError } from "../../../errors.ts";

/**
 * A pattern list of an authorized_keys `from=` option: addresses, wildcards and CIDR ranges, `!` excludes.
 * Addresses are never looked up by name, so a pattern of names matches nothing.
 */
export class SourcePattern {
  readonly #patterns: readonly { readonly isExcluding: boolean; readonly matches: (address: string) => boolean }[];

  /** @throws ConfigError for a range that is none. */
  constructor(list: string) {
    this.#patterns = list.split(",").map((entry) => {
      const isExcluding = entry.startsWith("!");
      const pattern = isExcluding ? entry.slice(1) : entry;
      return { isExcluding, matches: pattern.includes("/") ? rangeMatcher(pattern) : wildcardMatcher(pattern) };
    });
  }

  /** True when some pattern matches and none that excludes does. */
  allows(address: string): boolean {
    const plain = plainAddress(address);
    const matching = this.#patterns.filter(({ matches }) => matches(plain));
    return matching.length > 0 && !matching.some(({ isExcluding }) => isExcluding);
  }
}

/** IPv4 clients of an IPv6 socket appear as `::ffff:192.0.2.1`. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
}

function rangeMatcher(range: string): (address: string) => boolean {
  const [network = "", bits = ""] = range.split("/");
  const version = isIP(network);
  const prefix = Number(bits);
  if (version === 0 || !/^\d+$/.test(bits) || prefix > (version === 4 ? 32 : 128)) {
    throw new ConfigError(`"${range}" is not an address range`);
  }
  const family = version === 4 ? "ipv4" : "ipv6";
  const block = new BlockList();
  block.addSubnet(network, prefix, family);
  return (address) => isIP(address) === version && block.check(address, family);
}

function wildcardMatcher(pattern: string): (address: string) => boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll(/\*+/g, ".*")
    .replaceAll("?", ".");
  const expression = new RegExp(`^${source}$`, "i");
  return (address) => expression.test(address);
}
