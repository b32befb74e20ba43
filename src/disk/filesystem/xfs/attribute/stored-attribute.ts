/** What an attribute fork keeps of one attribute ("XFS Algorithms & Data Structures", chapter "Extended Attributes"). */

export const ATTRIBUTE_FLAG = { LOCAL: 0x1, ROOT: 0x2, SECURE: 0x4, PARENT: 0x8, INCOMPLETE: 0x80 } as const;

export interface StoredAttribute {
  readonly flags: number;
  /** Without its namespace. */
  readonly name: Uint8Array;
  /** The value, or where in the fork it lies: a logical block, and its length in bytes. */
  readonly value: Uint8Array | { readonly block: number; readonly size: number };
}
