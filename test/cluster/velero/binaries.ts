import path from "node:path";
import { goBinary } from "../../setup/go-binary.ts";

/** Pins Velero, its AWS plugin and, by a replacement as in its own go.mod, the Kopia it is built with. */
const moduleDirectory = path.join(import.meta.dirname, "../../setup/velero-module");

export const VELERO_VERSION = "v1.18.3";

/** The program that is server, node agent, data mover and command line. */
export function veleroBinary(): Promise<string> {
  return goBinary({
    moduleDirectory,
    package: "github.com/vmware-tanzu/velero/cmd/velero",
    name: "velero",
    variables: { "github.com/vmware-tanzu/velero/pkg/buildinfo.Version": VELERO_VERSION },
  });
}

/** The object store plugin for S3. */
export function awsPluginBinary(): Promise<string> {
  return goBinary({
    moduleDirectory,
    package: "github.com/vmware-tanzu/velero-plugin-for-aws/velero-plugin-for-aws",
    name: "velero-plugin-for-aws",
  });
}
