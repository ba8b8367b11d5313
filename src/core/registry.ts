/** What one beat of a process brings back. */
export interface Beat {
  /** The ids of all live consumers, of all processes. */
  readonly live: string[];
  /** Those whose heartbeats ended without a goodbye, found by this call. */
  readonly dead: string[];
}

/** The live consumers of all processes. */
export interface Registry {
  /**
   * Notes heartbeats and brings the list of live consumers up to date.
   *
   * @param beating ids that are alive
   * @param leaving ids that are to go at once
   * @param silence ms without a heartbeat after which a consumer is dead
   * @throws {CgroupError} KEY_TYPE if a key holds something foreign; nothing is changed then
   */
  beat(beating: readonly string[], leaving: readonly string[], silence: number): Promise<Beat>;
}
