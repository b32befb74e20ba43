/** What the server does wrong, for tests of how a client takes it. May be changed while it runs. */
export interface S3Faults {
  /** Milliseconds before every answer. */
  latencyMs?: number;
  /** Every n-th request is answered 503 SlowDown. */
  busyEvery?: number;
  /** The body of every n-th GET of an object breaks off half-way. */
  cutEvery?: number;
  /** One byte in the middle of every n-th GET's body is flipped. */
  corruptEvery?: number;
  /** The credentials are said to have expired. */
  expired?: boolean;
  /** Keys that contain this text are said to be in an archive tier. */
  archived?: string;
  /** Keys that contain this text are said to be forbidden. */
  forbidden?: string;
  /** Requests are accepted and never answered. */
  silent?: boolean;
}

/** True for every n-th call's number; never without `every`. */
export function isDue(every: number | undefined, count: number): boolean {
  return every !== undefined && every > 0 && count % every === 0;
}
