import type { Image } from "../node-double/image.ts";
import { awsPluginBinary, veleroBinary } from "./binaries.ts";

export const VELERO_IMAGE = "vmfr.test/velero";
export const AWS_PLUGIN_IMAGE = "vmfr.test/velero-plugin-for-aws";

/** Velero's images for the node double, with the programs where the published ones have them. */
export async function veleroImages(): Promise<Record<string, Image>> {
  const velero = await veleroBinary();
  const plugin = await awsPluginBinary();
  return {
    [VELERO_IMAGE]: { entrypoint: ["/velero"], files: { "/velero": velero } },
    [AWS_PLUGIN_IMAGE]: {
      entrypoint: ["/bin/cp", "/plugins/velero-plugin-for-aws", "/target/"],
      files: { "/plugins/velero-plugin-for-aws": plugin },
    },
  };
}
