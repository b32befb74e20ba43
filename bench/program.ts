import { serveCommand } from "../test/e2e/setup/vmfr.ts";
import { quote } from "./timing.ts";

/** The built program and its arguments, to be spawned. */
export function vmfrArguments(...args: readonly string[]): [string, ...string[]] {
  const [node, [program = ""]] = serveCommand([]);
  return [node, program, ...args];
}

/** The same for the shell. */
export function vmfrCommand(...args: readonly string[]): string {
  return vmfrArguments(...args)
    .map(quote)
    .join(" ");
}
