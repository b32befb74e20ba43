import { type MouseEvent, useSyncExternalStore } from "react";

/**
 * The address bar as state. Paths stay percent-encoded throughout: a name that is not valid UTF-8 would not
 * survive being decoded, so no router that decodes them can be used.
 */
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    removeEventListener("popstate", listener);
  };
}

/** Percent-encoded path of the page. */
export function usePathname(): string {
  return useSyncExternalStore(subscribe, () => location.pathname);
}

export function navigate(pathname: string): void {
  if (pathname !== location.pathname) history.pushState(null, "", pathname);
  for (const listener of listeners) listener();
}

/** For links: a plain click stays in the app, everything else (new tab, download) is the browser's. */
export function followInApp(event: MouseEvent<HTMLAnchorElement>): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
    return;
  event.preventDefault();
  navigate(event.currentTarget.pathname);
}

/** Address of the page that shows a tree path (percent-encoded, absolute). */
export function browseAddress(treePath: string): string {
  return `/browse${treePath}`;
}

/** The tree path of a `/browse/…` page, or undefined for other pages. */
export function browsedPath(pathname: string): string | undefined {
  if (pathname !== "/browse" && !pathname.startsWith("/browse/")) return undefined;
  const path = pathname.slice("/browse".length).replace(/\/+$/, "");
  return path === "" ? "/" : path;
}
