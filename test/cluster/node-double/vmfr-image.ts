import { existsSync } from "node:fs";
import path from "node:path";
import type { Image } from "./image.ts";

/** The image of the operator and of its pods. */
export const VMFR_IMAGE = "vmfr.test/vmfr";

const dist = path.resolve(import.meta.dirname, "../../../dist");

/** The built program on the Node that the tests use; runs as nobody in particular unless a pod says otherwise. */
export function vmfrImages(): Record<string, Image> {
  if (!existsSync(path.join(dist, "vmfr.mjs"))) {
    throw new Error("dist/vmfr.mjs is missing: these tests run the built program, so run `npm run build` first");
  }
  return {
    [VMFR_IMAGE]: {
      entrypoint: ["vmfr"],
      environment: { PATH: "/opt/bin:/usr/local/bin:/usr/bin:/bin" },
      user: 1001,
      files: { "/opt/vmfr": dist, "/opt/bin/node": process.env["VMFR_TEST_NODE"] ?? process.execPath },
      links: { "/opt/bin/vmfr": "/opt/vmfr/vmfr.mjs" },
    },
  };
}
