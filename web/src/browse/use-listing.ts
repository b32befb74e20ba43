import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import type { Entry, Listing } from "../../../src/serve/http/api-types.ts";
import { api } from "../api/client.ts";

/** Directories larger than this are fetched further only when the person asks. */
const ENTRIES_WITHOUT_ASKING = 100_000;

export interface LoadedListing {
  readonly directory: Listing | undefined;
  readonly entries: readonly Entry[];
  readonly error: Error | null;
  /** More pages are on their way. */
  readonly isLoading: boolean;
  /** Present when the directory has more than was fetched unasked. */
  readonly loadMore?: () => void;
}

/** A directory, page after page, shown while it grows. `treePath` is percent-encoded. */
export function useListing(treePath: string): LoadedListing {
  const query = useInfiniteQuery({
    queryKey: ["listing", treePath],
    queryFn: ({ pageParam }) => api.listing(treePath, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next,
  });
  const { data, hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  const entries = data?.pages.flatMap((page) => page.entries) ?? [];
  const wanted = hasNextPage && entries.length < ENTRIES_WITHOUT_ASKING;

  useEffect(() => {
    if (wanted && !isFetchingNextPage && query.error === null) void fetchNextPage();
  }, [wanted, isFetchingNextPage, fetchNextPage, query.error]);

  return {
    directory: data?.pages[0],
    entries,
    error: query.error,
    isLoading: query.isPending || wanted || isFetchingNextPage,
    ...(hasNextPage && !wanted ? { loadMore: () => void fetchNextPage() } : {}),
  };
}
