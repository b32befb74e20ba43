import { Breadcrumb, BreadcrumbItem } from "@patternfly/react-core";
import { decodeSegment } from "../format/text.ts";
import { browseAddress, followInApp } from "../location.ts";

/** The way from the top to this directory, every step a link. */
export function Breadcrumbs({ path }: { readonly path: string }) {
  const segments = path.split("/").filter((segment) => segment !== "");
  return (
    <Breadcrumb aria-label="Path">
      <BreadcrumbItem
        render={({ className }) => (
          <a className={className} href="/" onClick={followInApp}>
            Backups
          </a>
        )}
      />
      {segments.map((segment, index) => {
        const href = `/${segments.slice(0, index + 1).join("/")}`;
        const isLast = index === segments.length - 1;
        // The tree's own top directory says the same as "Backups" before it.
        if (index === 0 && segment === "backups") return null;
        return (
          <BreadcrumbItem
            key={href}
            isActive={isLast}
            render={({ className }) => (
              <a
                className={className}
                href={browseAddress(href)}
                onClick={followInApp}
                {...(isLast ? { "aria-current": "page" as const } : {})}
              >
                {decodeSegment(segment)}
              </a>
            )}
          />
        );
      })}
    </Breadcrumb>
  );
}
