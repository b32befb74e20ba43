import { ConfigError } from "../../errors.ts";

export interface VirtualMachineName {
  readonly namespace: string;
  readonly name: string;
}

/** @throws ConfigError unless it is NAMESPACE/NAME */
export function parseVirtualMachine(text: string): VirtualMachineName {
  const [namespace = "", name = "", ...rest] = text.split("/");
  if (namespace !== "" && name !== "" && rest.length === 0) return { namespace, name };
  throw new ConfigError(`${JSON.stringify(text)}: say which virtual machine as NAMESPACE/NAME`);
}
