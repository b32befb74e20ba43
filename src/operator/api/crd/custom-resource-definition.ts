import type { KubeObject } from "../../../kube/resource-type.ts";
import type { CustomResource } from "./custom-resource.ts";
import { type StructuralSchema, structuralSchema } from "./structural-schema.ts";

export interface CustomResourceDefinition extends KubeObject {
  spec: object;
}

/** The `apiextensions.k8s.io/v1` CustomResourceDefinition of a kind: one version, served and stored. */
export function customResourceDefinition(resource: CustomResource): CustomResourceDefinition {
  const { type, singular, shortNames, columns } = resource;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${type.plural}.${type.group}` },
    spec: {
      group: type.group,
      names: { kind: type.kind, listKind: `${type.kind}List`, plural: type.plural, singular, shortNames },
      scope: type.namespaced ? "Namespaced" : "Cluster",
      versions: [
        {
          name: type.version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema: objectSchema(resource) },
        },
      ],
    },
  };
}

function objectSchema({ description, spec, status }: CustomResource): StructuralSchema {
  return {
    description,
    type: "object",
    properties: {
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { type: "object" },
      spec: structuralSchema(spec),
      status: structuralSchema(status),
    },
    required: ["spec"],
  };
}
