import { expect, test } from "vitest";
import { type DataProtectionApplication, unmetRequirements } from "./data-protection-application.ts";

function application(spec?: unknown): DataProtectionApplication {
  const object = { apiVersion: "oadp.openshift.io/v1alpha1", kind: "DataProtectionApplication" };
  return { ...object, metadata: { name: "dpa" }, spec } as DataProtectionApplication;
}

const velero = (...defaultPlugins: string[]) => ({ velero: { defaultPlugins } });
const ENABLE = "DataProtectionApplication 'dpa': set spec.vmFileRestore.enable to true";
const PLUGIN = "DataProtectionApplication 'dpa': add kubevirt to spec.configuration.velero.defaultPlugins";

test.each<[string, unknown, string[]]>([
  ["all is set", { vmFileRestore: { enable: true }, configuration: velero("aws", "kubevirt", "openshift") }, []],
  ["no spec", undefined, [ENABLE, PLUGIN]],
  ["file restore is off", { vmFileRestore: { enable: false }, configuration: velero("kubevirt") }, [ENABLE]],
  ["file restore is not mentioned", { configuration: velero("kubevirt") }, [ENABLE]],
  ["another plugin alone", { vmFileRestore: { enable: true }, configuration: velero("csi") }, [PLUGIN]],
  ["no Velero", { vmFileRestore: { enable: true }, configuration: {} }, [PLUGIN]],
  [
    "plugins are no list",
    { vmFileRestore: { enable: true }, configuration: { velero: { defaultPlugins: "kubevirt" } } },
    [PLUGIN],
  ],
  ["a text is not true", { vmFileRestore: { enable: "true" }, configuration: velero("kubevirt") }, [ENABLE]],
])("%s", (_what, spec, expected) => {
  expect(unmetRequirements(application(spec))).toEqual(expected);
});
