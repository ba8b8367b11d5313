export interface CheckOptions {
  /** `exec:COMMAND`, `http(s)://URL`, or `ws://HOST:PORT/workers` to listen there. */
  readonly target: string;
  /** JSON of a message that the worker can process; undefined for one of ours. */
  readonly message: string | undefined;
  /** JSON of a message that must fail. */
  readonly failing: string | undefined;
  /** ms that an answer may take. */
  readonly within: number;
  /** The check listens at this URL, and a worker should connect. */
  readonly onListening?: (url: string) => void;
}
