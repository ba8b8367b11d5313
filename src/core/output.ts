/** What the output of a group is, and in which order results leave. */
export interface OutputKind {
  readonly outputType: 'stream' | 'list';
  readonly order: 'none' | 'total' | 'key';
  /** Where the key of a message is, names with dots between them; with order `key` only. */
  readonly orderKey?: string | undefined;
  /** Where results are recorded; undefined if the caller does not say. */
  readonly record?: 'none' | 'redis' | 'postgres' | undefined;
}
