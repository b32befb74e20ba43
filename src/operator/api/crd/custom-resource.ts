import type { z } from "zod";
import type { ResourceType } from "../../../kube/resource-type.ts";

/** A column of `kubectl get`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "date";
  readonly jsonPath: string;
  /** Columns above 0 show with `-o wide` only. */
  readonly priority?: number;
}

/** All that a CustomResourceDefinition says about a namespaced kind with a status. */
export interface CustomResource {
  readonly type: ResourceType;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly description: string;
  readonly spec: z.ZodType;
  readonly status: z.ZodType;
  readonly columns: readonly PrinterColumn[];
}
