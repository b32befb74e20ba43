import { defaultInstallation } from "../../operator/deployment/installation.ts";
import { asYaml, installationManifests } from "../../operator/deployment/manifests.ts";
import type { CommandContext } from "../context.ts";

export interface ManifestsOptions {
  readonly namespace?: string;
  readonly image?: string;
}

/** Prints what `kubectl apply -f -` takes. */
export async function manifests(
  context: CommandContext,
  _args: undefined,
  { namespace = defaultInstallation.namespace, image = defaultInstallation.image }: ManifestsOptions,
): Promise<number> {
  context.stdout.write(asYaml(installationManifests({ namespace, image })));
  return 0;
}
