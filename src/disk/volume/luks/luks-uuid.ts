const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** It becomes part of names, so nothing else may pass. */
export function uuidOrUndefined(text: string): string | undefined {
  return UUID.test(text) ? text : undefined;
}
