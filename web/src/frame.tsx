import {
  Button,
  Label,
  Masthead,
  MastheadBrand,
  MastheadContent,
  MastheadMain,
  Page,
  SkipToContent,
  Toolbar,
  ToolbarContent,
  ToolbarGroup,
  ToolbarItem,
} from "@patternfly/react-core";
import LockIcon from "@patternfly/react-icons/dist/esm/icons/lock-icon";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Session } from "../../src/serve/http/api-types.ts";
import { api } from "./api/client.ts";
import { formatRelative } from "./format/text.ts";
import { followInApp } from "./location.ts";

const MAIN_ID = "content";

/** What surrounds every page: whose files these are, that nothing can be changed, and how long they stay. */
export function Frame({ session, children }: { readonly session: Session; readonly children: ReactNode }) {
  const queries = useQueryClient();
  const logout = useMutation({ mutationFn: api.logout, onSettled: () => queries.resetQueries() });
  return (
    <Page
      mainContainerId={MAIN_ID}
      isContentFilled
      skipToContent={<SkipToContent href={`#${MAIN_ID}`}>Skip to content</SkipToContent>}
      masthead={
        <Masthead>
          <MastheadMain>
            <MastheadBrand>
              <a className="vmfr-brand" href="/" onClick={followInApp}>
                <img src="/favicon.svg" alt="" width="28" height="28" /> vmfr
              </a>
            </MastheadBrand>
          </MastheadMain>
          <MastheadContent>
            <Toolbar isStatic>
              <ToolbarContent>
                <ToolbarGroup align={{ default: "alignEnd" }} gap={{ default: "gapMd" }}>
                  <ToolbarItem>
                    <Label icon={<LockIcon />} color="blue" variant="outline">
                      Read-only
                    </Label>
                  </ToolbarItem>
                  {session.expiresAt !== undefined && (
                    <ToolbarItem className="vmfr-expiry" title={session.expiresAt}>
                      ends {formatRelative(Date.parse(session.expiresAt))}
                    </ToolbarItem>
                  )}
                  <ToolbarItem>
                    <Button variant="link" onClick={() => logout.mutate()} isLoading={logout.isPending}>
                      Log out {session.user}
                    </Button>
                  </ToolbarItem>
                </ToolbarGroup>
              </ToolbarContent>
            </Toolbar>
          </MastheadContent>
        </Masthead>
      }
    >
      {children}
    </Page>
  );
}
