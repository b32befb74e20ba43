/** Which disk blocks hold which blocks of a file, whatever the on-disk form. */

/** A stretch of a file that lies on the disk in one piece. All figures are blocks. */
export interface BlockRun {
  readonly logical: number;
  readonly length: number;
  readonly physical: number;
}

/** All that is known about logical blocks [start, end): the runs, ascending; what they leave out reads as zeros. */
export interface MapWindow {
  readonly start: number;
  /** May be Infinity. */
  readonly end: number;
  readonly runs: readonly BlockRun[];
}

/** Loaded piece by piece, so that the largest file's map needs no more memory than one leaf of it. */
export interface FileMap {
  /**
   * The window around a logical block, as large as one read of metadata can tell.
   * @throws CorruptDataError when the map is damaged there
   */
  window(logical: number, signal?: AbortSignal): Promise<MapWindow>;
}
