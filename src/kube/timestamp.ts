/** Times as Kubernetes writes them; both in UTC. */

/** metav1.Time: whole seconds. @param ms since 1970 */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -5)}Z`;
}

/** metav1.MicroTime, which the API server takes with six decimals only. @param ms since 1970 */
export function microTimestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000Z`;
}
