import { readFileSync } from "node:fs";
import path from "node:path";
import { parseAllDocuments } from "yaml";
import { goModuleSource } from "../../setup/go-binary.ts";

const setup = path.join(import.meta.dirname, "../../setup");

/** CustomResourceDefinitions as their projects publish them in their Go modules. */
const PUBLISHED = [
  {
    moduleDirectory: path.join(setup, "velero-module"),
    module: "github.com/kubernetes-csi/external-snapshotter/client/v8",
    files: [
      "config/crd/snapshot.storage.k8s.io_volumesnapshotclasses.yaml",
      "config/crd/snapshot.storage.k8s.io_volumesnapshotcontents.yaml",
      "config/crd/snapshot.storage.k8s.io_volumesnapshots.yaml",
    ],
  },
  {
    moduleDirectory: path.join(setup, "velero-module"),
    module: "github.com/vmware-tanzu/velero",
    files: [
      "config/crd/v1/bases/velero.io_backuprepositories.yaml",
      "config/crd/v1/bases/velero.io_backups.yaml",
      "config/crd/v1/bases/velero.io_backupstoragelocations.yaml",
      "config/crd/v1/bases/velero.io_deletebackuprequests.yaml",
      "config/crd/v1/bases/velero.io_downloadrequests.yaml",
      "config/crd/v1/bases/velero.io_podvolumebackups.yaml",
      "config/crd/v1/bases/velero.io_podvolumerestores.yaml",
      "config/crd/v1/bases/velero.io_restores.yaml",
      "config/crd/v1/bases/velero.io_schedules.yaml",
      "config/crd/v1/bases/velero.io_serverstatusrequests.yaml",
      "config/crd/v1/bases/velero.io_volumesnapshotlocations.yaml",
      "config/crd/v2alpha1/bases/velero.io_datadownloads.yaml",
      "config/crd/v2alpha1/bases/velero.io_datauploads.yaml",
    ],
  },
  {
    moduleDirectory: path.join(setup, "crd-module"),
    module: "github.com/openshift/api",
    files: ["route/v1/zz_generated.crd-manifests/routes.crd.yaml"],
  },
];

/** The CRDs of Velero, CSI snapshots and OpenShift's Route, word for word. */
export async function publishedCrds(): Promise<object[]> {
  const found: object[] = [];
  for (const { moduleDirectory, module, files } of PUBLISHED) {
    const source = await goModuleSource(moduleDirectory, module);
    for (const file of files) {
      for (const document of parseAllDocuments(readFileSync(path.join(source, file), "utf8"))) {
        found.push(document.toJS() as object);
      }
    }
  }
  return found;
}
