/** Before the first step: what OADP's configuration must say, where there is one. */
import { isNotFound } from "../../kube/api-error.ts";
import { dataProtectionApplications, unmetRequirements } from "../requirements/data-protection-application.ts";
import type { ChildClient } from "./ensure.ts";
import { StepFailure } from "./step.ts";

/** Nothing tells the operator when the configuration is mended, and somebody who has just mended it is waiting. */
const LOOK_AGAIN_MS = 10_000;

/**
 * Passes where Velero was installed without OADP: then there is nobody to configure.
 * @throws StepFailure naming each field and the value it needs
 */
export async function checkRequirements(
  client: Pick<ChildClient, "serves" | "list">,
  namespace: string,
): Promise<void> {
  if (!(await client.serves(dataProtectionApplications))) return;
  const unmet = await unmetRequirementsIn(client, namespace);
  if (unmet.length === 0) return;
  throw new StepFailure("PrerequisitesNotMet", unmet.join("; "), { requeueAfterMs: LOOK_AGAIN_MS });
}

async function unmetRequirementsIn(client: Pick<ChildClient, "list">, namespace: string): Promise<string[]> {
  const unmet: string[] = [];
  try {
    for await (const application of client.list(dataProtectionApplications, { namespace })) {
      unmet.push(...unmetRequirements(application));
    }
  } catch (error) {
    // The kind has gone since the cluster was asked what it has: OADP is being taken away.
    if (!isNotFound(error)) throw error;
  }
  return unmet;
}
