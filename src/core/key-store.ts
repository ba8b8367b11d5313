/** How far a search for keys that nothing frees has come; a part that is undefined is at its end. */
export interface KeyCursor {
  /** Among the keys with a message in work. */
  readonly busy: string | undefined;
  /** Among the messages that wait behind others of their key. */
  readonly held: string | undefined;
}

/** What looks after keys (order `key`) in Redis. */
export interface KeyStore {
  /**
   * Lets keys go on whose message in work is gone: another program deleted it.
   *
   * @param count about so many keys are looked at
   * @returns how many went on, and where the search goes on
   */
  search(from: KeyCursor, count: number): Promise<{ readonly freed: number; readonly next: KeyCursor }>;
  /**
   * Sends messages that wait behind others to the inbox: the group has no order by key any more.
   *
   * @returns how many, and whether there may be more
   */
  disband(): Promise<{ readonly messages: number; readonly more: boolean }>;
}
