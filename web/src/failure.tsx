import { EmptyState, EmptyStateBody } from "@patternfly/react-core";
import ExclamationCircleIcon from "@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon";

/** Something could not be read: what, and in the server's own words why. */
export function Failure({ title, error }: { readonly title: string; readonly error: Error }) {
  return (
    <EmptyState titleText={title} headingLevel="h2" icon={ExclamationCircleIcon} status="danger">
      <EmptyStateBody>{error.message}</EmptyStateBody>
    </EmptyState>
  );
}
