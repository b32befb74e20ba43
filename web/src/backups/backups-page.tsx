import { Bullseye, Card, CardBody, CardTitle, EmptyState, PageSection, Spinner, Title } from "@patternfly/react-core";
import { useQuery } from "@tanstack/react-query";
import type { BackupInventory } from "../../../src/serve/http/api-types.ts";
import { api } from "../api/client.ts";
import { Failure } from "../failure.tsx";
import { formatRelative, formatTime } from "../format/text.ts";
import { DiskRow } from "./disk-row.tsx";

/** The first page: which backups there are, newest first, and which of their disks can be opened. */
export function BackupsPage() {
  const inventory = useQuery({ queryKey: ["inventory"], queryFn: api.inventory });
  if (inventory.error !== null) return <Failure title="The list of backups cannot be read" error={inventory.error} />;
  if (inventory.data === undefined) {
    return (
      <Bullseye>
        <Spinner aria-label="Loading the list of backups" />
      </Bullseye>
    );
  }
  const backups = inventory.data.backups.toSorted(newestFirst);
  const first = backups[0];
  return (
    <>
      <PageSection>
        <Title headingLevel="h1">{titleOf(backups)}</Title>
        {first !== undefined && <p>Choose a disk of a backup to look into it.</p>}
      </PageSection>
      <PageSection isFilled>
        {first === undefined && <EmptyState titleText="There is nothing to show" headingLevel="h2" />}
        <div className="vmfr-cards">
          {backups.map((backup) => (
            <BackupCard key={backup.name} backup={backup} />
          ))}
        </div>
      </PageSection>
    </>
  );
}

function newestFirst(left: BackupInventory, right: BackupInventory): number {
  return (right.completedAt ?? "").localeCompare(left.completedAt ?? "") || left.name.localeCompare(right.name);
}

function titleOf(backups: readonly BackupInventory[]): string {
  const machines = [...new Set(backups.map(({ vm }) => `${vm.namespace}/${vm.name}`))];
  const [machine] = machines;
  if (machines.length !== 1 || machine === undefined || machine === "/") return "Disks";
  return `Backups of ${machine}`;
}

function BackupCard({ backup }: { readonly backup: BackupInventory }) {
  const completed = backup.completedAt === undefined ? undefined : Date.parse(backup.completedAt);
  return (
    <Card component="section" aria-label={backup.name}>
      <CardTitle component="h2">
        {backup.name}
        {completed !== undefined && (
          <span className="vmfr-subtle" title={backup.completedAt}>
            {" "}
            {formatTime(completed)} · {formatRelative(completed)}
          </span>
        )}
      </CardTitle>
      <CardBody>
        <ul className="vmfr-disks">
          {backup.disks.map((disk) => (
            <DiskRow key={disk.name} disk={disk} />
          ))}
        </ul>
      </CardBody>
    </Card>
  );
}
