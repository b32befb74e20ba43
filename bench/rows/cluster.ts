/** A restore of each data path in a cluster: how long until the first file of the same backup is there. */
import { statSync } from "node:fs";
import path from "node:path";
import { vmfrImages } from "../../test/cluster/node-double/vmfr-image.ts";
import { FileRestores } from "../../test/cluster/operator/file-restores.ts";
import { InstalledOperator } from "../../test/cluster/operator/installed-operator.ts";
import { ServedFiles } from "../../test/cluster/operator/served-files.ts";
import { seedBackups } from "../../test/cluster/seed/seed-backups.ts";
import type { SeedVm } from "../../test/cluster/seed/virtual-machine.ts";
import { startVeleroCluster } from "../../test/cluster/velero/velero-cluster.ts";
import { GUEST, rawDisk } from "../fixtures/guest-disk.ts";
import type { Measurement } from "../result.ts";
import type { Row, RowOptions } from "../row.ts";
import { median, time } from "../timing.ts";

const BACKUP = "nightly";

async function firstFile({ runs }: RowOptions): Promise<readonly Measurement[]> {
  const image = await rawDisk();
  const disk = { name: "guest", mode: "Block", bytes: statSync(image).size } as const;
  const vm: SeedVm = { namespace: "guests", name: "bench", disks: [disk] };
  const running = await startVeleroCluster(vmfrImages());
  try {
    const { cluster, node, velero } = running;
    const restores = new FileRestores(cluster, await InstalledOperator.install(cluster, node, "velero"));
    await seedBackups(cluster, node, velero, { vms: [vm], backups: [] });
    await node.writeDisk(vm.namespace, disk.name, image);
    await velero.backUp(BACKUP, `--include-namespaces=${vm.namespace}`, "--snapshot-move-data");
    await restores.discover("bench", vm);
    await restores.waitFor("vmbd/bench", "Completed");

    const file = path.posix.join("/files/backups", BACKUP, disk.name, GUEST.fewerSmallFiles, "file-000000.dat");
    const taken = { Direct: [] as number[], Restore: [] as number[] };
    for (let round = 0; round < runs; round++) {
      for (const dataPath of ["Direct", "Restore"] as const) {
        const name = `${dataPath.toLowerCase()}-${round}`;
        const duration = await time(async () => {
          await restores.restore(name, "bench", { dataPath, fileAccess: { ssh: {}, fileBrowser: {} } });
          const restored = await restores.reach("Completed", name);
          await (await ServedFiles.of(cluster, restored)).curl(file);
        });
        taken[dataPath].push(duration);
        await restores.kubectl("delete", `vmfr/${name}`);
      }
    }
    const what = `first file of a backup, ${Math.round(disk.bytes / 2 ** 30)} GiB disk`;
    const [ours, theirs] = [median(taken.Direct), median(taken.Restore)];
    return [{ kind: "comparison", what, ours, theirs, peer: "dataPath Restore", atLeast: 10 }];
  } finally {
    await running.stop();
  }
}

export const clusterRows: readonly Row[] = [
  { name: "direct", packages: ["curl", "openssh-client", "e2fsprogs"], measure: firstFile },
];
