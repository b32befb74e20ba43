/** Kubernetes' Condition with the checks of its own API (k8s.io/apimachinery: pkg/apis/meta/v1). */
import type { Condition } from "kubernetes-types/meta/v1.js";
import { z } from "zod";
import { timestamp } from "./text-formats.ts";

const condition = z
  .object({
    lastTransitionTime: timestamp.describe("When the status last changed."),
    message: z.string().max(32_768).describe("What happened, for people."),
    observedGeneration: z.int().min(0).optional().describe("The generation of the spec this condition speaks of."),
    reason: z
      .string()
      .min(1)
      .max(1024)
      .regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/)
      .describe("Why, in one word for programs."),
    status: z.enum(["True", "False", "Unknown"]),
    type: z
      .string()
      .max(316)
      .regex(
        /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$/,
      ),
  })
  .describe("One aspect of the object's state.");

export const conditions = z
  .array(condition)
  .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] })
  .describe("Progressing, Available, Degraded and Ready.");

/** A status with its conditions as the rest of Kubernetes' types have them. */
export type WithConditions<Status> = Omit<Status, "conditions"> & { conditions?: readonly Condition[] };
