/**
 * Nobody gets by way of the operator what he could not get himself: whoever creates a custom resource must be allowed
 * to read the Secrets it names, to use the namespace it names, and to see the VM it asks for. The API server checks
 * this at admission, where it knows who is asking (ValidatingAdmissionPolicy, Kubernetes 1.30 and later).
 */
import type { KubeObject } from "../../kube/resource-type.ts";
import { API_GROUP, API_VERSION } from "../api/v1alpha1/names.ts";
import { installed } from "./installation.ts";

const ADMISSION = "admissionregistration.k8s.io/v1";

interface Check {
  readonly expression: string;
  readonly messageExpression: string;
}

interface Policy extends KubeObject {
  spec: object;
}

/** Two policies, each with its binding. */
export function referencePolicies(): Policy[] {
  return [
    ...policy("vmfr-references", "virtualmachinefilerestores", [
      secretCheck("object.spec.fileAccess.ssh"),
      secretCheck("object.spec.fileAccess.fileBrowser"),
      namespaceCheck("pods"),
      namespaceCheck("persistentvolumeclaims"),
    ]),
    ...policy("vmbd-references", "virtualmachinebackupsdiscoveries", [virtualMachineCheck]),
  ];
}

/** @param access path of the way of access that may name a Secret */
function secretCheck(access: string): Check {
  const reference = `${access}.credentialsSecretRef`;
  const namespace = `(has(${reference}.namespace) && ${reference}.namespace != '' ? ${reference}.namespace : object.metadata.namespace)`;
  const absent = `!has(object.spec.fileAccess) || !has(${access}) || !has(${reference})`;
  return {
    expression:
      `${absent} || authorizer.group('').resource('secrets')` +
      `.namespace(${namespace}).name(${reference}.name).check('get').allowed()`,
    messageExpression: `'you may not read Secret ' + ${namespace} + '/' + ${reference}.name + ', so it cannot be used for access to files'`,
  };
}

/** @param resource what would be made in the user's namespace on his behalf */
function namespaceCheck(resource: string): Check {
  const namespace = "object.spec.restoreNamespace";
  return {
    expression:
      `!has(${namespace}) || ${namespace} == '' || ` +
      `authorizer.group('').resource('${resource}').namespace(${namespace}).check('create').allowed()`,
    messageExpression: `'you may not create ${resource} in namespace ' + ${namespace} + ', so it cannot be the restoreNamespace'`,
  };
}

const virtualMachineCheck: Check = {
  expression:
    "authorizer.group('kubevirt.io').resource('virtualmachines').namespace(object.spec.virtualMachineNamespace)" +
    ".name(object.spec.virtualMachineName).check('get').allowed()",
  messageExpression:
    "'you may not get VirtualMachine ' + object.spec.virtualMachineNamespace + '/' + object.spec.virtualMachineName + " +
    "', so you may not see its backups either'",
};

function policy(name: string, resource: string, checks: readonly Check[]): Policy[] {
  const { name: policyName } = installed(name);
  return [
    {
      apiVersion: ADMISSION,
      kind: "ValidatingAdmissionPolicy",
      metadata: installed(name),
      spec: {
        failurePolicy: "Fail",
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: [API_GROUP],
              apiVersions: [API_VERSION],
              operations: ["CREATE", "UPDATE"],
              resources: [resource],
            },
          ],
        },
        // The operator writes finalizers without having the rights of the one who wrote the spec.
        matchConditions: [
          { name: "spec-changes", expression: "request.operation == 'CREATE' || object.spec != oldObject.spec" },
        ],
        validations: checks.map((check) => ({ ...check, reason: "Forbidden" })),
      },
    },
    {
      apiVersion: ADMISSION,
      kind: "ValidatingAdmissionPolicyBinding",
      metadata: installed(name),
      spec: { policyName, validationActions: ["Deny"] },
    },
  ];
}
