/** Texts in a spec with a format of their own, refused by the API server with a sentence when they are wrong. */
import { z } from "zod";

/** Kubernetes' limits of names: RFC 1123 label, and labels joined by dots. */
const LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";

/** @param rule in CEL, over `self`. Its cost is bounded by `maxLength` characters. */
function checked(maxLength: number, rule: string, message: string) {
  return z
    .string()
    .max(maxLength)
    .meta({ "x-kubernetes-validations": [{ rule, message }] });
}

export const namespaceName = z
  .string()
  .min(1)
  .max(63)
  .regex(new RegExp(`^${LABEL}$`));

/** An empty text stands for none. */
export const optionalNamespaceName = z
  .string()
  .max(63)
  .regex(new RegExp(`^(${LABEL})?$`))
  .optional();

export const objectName = z
  .string()
  .min(1)
  .max(253)
  .regex(new RegExp(`^${LABEL}(\\.${LABEL})*$`));

const DATE = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])";
const CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]";

/** An empty text stands for none, as manifests made from templates have it. */
export const flexibleTime = checked(
  64,
  `self.matches('^(${DATE}([Tt]${CLOCK}([.][0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))?)?$')`,
  "must be RFC 3339 (2006-01-02T15:04:05Z) or a date (2006-01-02)",
);

/** What `parseDuration` understands. */
export const duration = checked(
  32,
  "self.matches('^([0-9]+[smhd])+$') && self.matches('[1-9]')",
  "must be a duration such as 90m, 8h, 1h30m or 2d",
);

/** RFC 3339. */
export const timestamp = z.string().meta({ format: "date-time" });
