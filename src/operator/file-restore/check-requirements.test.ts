import { expect, test } from "vitest";
import type { DataProtectionApplication } from "../requirements/data-protection-application.ts";
import { checkRequirements } from "./check-requirements.ts";

/** What the API server would say. */
function clusterWith(applications: readonly unknown[] | undefined) {
  const listed: (string | undefined)[] = [];
  return {
    listed,
    serves: async () => applications !== undefined,
    async *list(_type: unknown, options: { readonly namespace?: string | undefined } = {}) {
      listed.push(options.namespace);
      yield* (applications ?? []) as never[];
    },
  };
}

const enabled = { vmFileRestore: { enable: true } };
const plugins = { configuration: { velero: { defaultPlugins: ["kubevirt"] } } };
const application = (spec: DataProtectionApplication["spec"]) => ({ metadata: { name: "dpa" }, spec });

test("a cluster without OADP has nothing to configure", async () => {
  const cluster = clusterWith(undefined);
  await checkRequirements(cluster, "velero");
  expect(cluster.listed).toEqual([]);
});

test("an OADP without configuration in this namespace passes, and so does one that says all", async () => {
  await checkRequirements(clusterWith([]), "openshift-adp");
  const cluster = clusterWith([application({ ...enabled, ...plugins })]);
  await checkRequirements(cluster, "openshift-adp");
  expect(cluster.listed).toEqual(["openshift-adp"]);
});

test("what is missing is said with field and value, and looked at again", async () => {
  await expect(checkRequirements(clusterWith([application(plugins)]), "openshift-adp")).rejects.toMatchObject({
    reason: "PrerequisitesNotMet",
    message: "DataProtectionApplication 'dpa': set spec.vmFileRestore.enable to true",
  });
  await expect(checkRequirements(clusterWith([application(enabled)]), "openshift-adp")).rejects.toMatchObject({
    message: "DataProtectionApplication 'dpa': add kubevirt to spec.configuration.velero.defaultPlugins",
  });
});
