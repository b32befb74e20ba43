import type {
  ArchiveFormat,
  EntryDetails,
  ApiError as ErrorBody,
  Inventory,
  Listing,
  Session,
} from "../../../src/serve/http/api-types.ts";

/** The server said no; `message` is its sentence for people. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(path, {
    ...init,
    credentials: "same-origin",
    headers: { Accept: "application/json", ...init.headers },
  });
  if (response.ok) return response;
  throw new ApiError(response.status, await sentenceOf(response));
}

async function sentenceOf(response: Response): Promise<string> {
  try {
    const body: Partial<ErrorBody> = await response.json();
    if (body.error?.message !== undefined) return body.error.message;
  } catch {
    // Not JSON: a proxy in between answered. The status line is all there is.
  }
  return `${response.status} ${response.statusText}`;
}

const json = async <Body>(path: string): Promise<Body> => (await request(path)).json();

const PAGE_SIZE = 5000;

export const api = {
  session: (): Promise<Session> => json("/api/v1/session"),

  login: (user: string, password: string): Promise<Response> =>
    request("/api/v1/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ user, password }),
    }),

  logout: (): Promise<Response> => request("/api/v1/session", { method: "DELETE" }),

  inventory: (): Promise<Inventory> => json("/api/v1/inventory"),

  /** One page of a directory; `treePath` is percent-encoded. */
  listing: (treePath: string, after: string | undefined): Promise<Listing> =>
    json(
      `/api/v1/tree${treePath}?limit=${PAGE_SIZE}${after === undefined ? "" : `&after=${encodeURIComponent(after)}`}`,
    ),

  stat: (treePath: string): Promise<EntryDetails> => json(`/api/v1/stat${treePath}`),

  /** The first `length` bytes of a file. */
  async head(treePath: string, length: number, signal: AbortSignal): Promise<Uint8Array> {
    const response = await request(fileAddress(treePath), {
      headers: { Accept: "*/*", Range: `bytes=0-${length - 1}` },
      signal,
    });
    return new Uint8Array(await response.arrayBuffer());
  },
};

export function fileAddress(treePath: string): string {
  return `/files${treePath}`;
}

export function archiveAddress(treePath: string, format: ArchiveFormat): string {
  return `/archive${treePath}?format=${format}`;
}
