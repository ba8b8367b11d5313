import type { Listen } from './addresses.js';

/**
 * The settings as the program uses them: defaults filled in, durations in milliseconds, sizes in bytes. The schema in
 * schema.ts has the defaults and the checks; a test holds that it makes exactly this type. It stands here without the
 * schema's library, so that the public types do not depend on it.
 */
export interface Settings {
  /** How many consumers the process runs. */
  readonly size: number;
  /** The URL of Redis, without blanks around it. */
  readonly redis: string;
  /** The path of a file with the certificates of those who may sign the certificate of Redis, or the PEM text itself. */
  readonly redisCa?: string | undefined;
  /** The certificate to show to Redis, likewise. */
  readonly redisCert?: string | undefined;
  /** The key of that certificate, likewise. */
  readonly redisKey?: string | undefined;
  /** The name that the certificate of Redis must have; undefined for the host of the URL. */
  readonly redisServerName?: string | undefined;
  /** How many replicas must have what is relayed and committed; 0 for none. */
  readonly minReplicas: number;
  /** The Pub/Sub channel that messages are published on. */
  readonly channel: string;
  /** Whether the channel is a sharded one (SPUBLISH). */
  readonly sharded: boolean;
  /** The list that messages are taken from; undefined if they come from the channel or a stream. */
  readonly list?: string | undefined;
  /** The end of the list that messages are taken from. */
  readonly listFrom: 'left' | 'right';
  /** The stream whose messages are read; undefined if they come from the channel or a list. */
  readonly stream?: string | undefined;
  /** The stream or list that results are written to. */
  readonly output: string;
  readonly outputType: 'stream' | 'list';
  /** Into how many streams the output is divided, each with an inbox and dead letters of its own at a node of a Cluster. */
  readonly lanes: number;
  /** The list that holds the ids of the live consumers. */
  readonly consumerList: string;
  /** The name of the consumer group on the inbox stream. */
  readonly group: string;
  /** In which order results leave: any; that of the messages; that of the messages with the same key. */
  readonly order: 'none' | 'total' | 'key';
  /** Where the key of a message is, names with dots between them; with order `key` only. */
  readonly orderKey?: string | undefined;
  /** Results that may wait for earlier ones; with order `total`. */
  readonly orderWindow: number;
  /** What an order does after a dead letter: go on, or let what follows it wait. */
  readonly onDead: 'skip' | 'halt';
  /** Where results are recorded: `redis`, or the URL of a PostgreSQL; undefined for nowhere. */
  readonly record?: string | undefined;
  /** The table of the record in PostgreSQL. */
  readonly recordTable: string;
  /** The path of a file with an SQL statement that runs with each batch of new rows. */
  readonly recordSql?: string | undefined;
  /** The path of a module, `exec:COMMAND`, the URL of a service, or `remote`; undefined for the built-in processor. */
  readonly processor?: string | undefined;
  /** Threads that run the module; 0 runs it on the main thread. */
  readonly threads: number | 'auto';
  /** ms that the built-in processor waits for each message. */
  readonly simulateMs: number;
  /** Whether the control of the group says how many consumers the process runs. */
  readonly managed: boolean;
  /** Most consumers that a managed process runs. */
  readonly capacity: number;
  /** The name of the host; undefined for that of this machine. */
  readonly host?: string | undefined;
  /** Whether the command prints the messages per second of the whole group. */
  readonly monitor: boolean;
  /** ms between two lines of the monitor. */
  readonly interval: number;
  /** Messages that one consumer processes at a time. */
  readonly concurrency: number;
  /** Most entries that a consumer reads at once. */
  readonly batch: number | 'auto';
  /** Failed attempts after which a message becomes a dead letter. */
  readonly maxAttempts: number;
  /** ms before the second attempt; doubles with each further one, up to 30 s, with jitter. */
  readonly backoff: number;
  /** ms that one attempt may take. */
  readonly timeout: number;
  /** Entries that the output keeps, about; 0 keeps all. */
  readonly outputMaxLen: number;
  /** Dead letters that are kept, about; 0 keeps all. */
  readonly deadMaxLen: number;
  /** ms of silence after which a consumer's messages are given to others. */
  readonly claimAfter: number;
  /** ms between two signs of life of the consumers. */
  readonly heartbeat: number;
  /** ms of silence of the leading bridge after which another one takes the lead. */
  readonly lease: number;
  /** ms that a clean stop may take. */
  readonly shutdownTimeout: number;
  /** A bridge and consumers, consumers only, or a bridge only. */
  readonly bridge: 'auto' | 'off' | 'only';
  /** How many bridges of the group are subscribed at a time. */
  readonly bridges: number;
  /** ms for which a bridge keeps what it has relayed. */
  readonly retain: number;
  /** Bytes that a bridge keeps at most while Redis takes nothing. */
  readonly bufferLimit: number;
  /** Whether the process starts a private Redis for this run. */
  readonly embedded: boolean;
  /** Where the process serves its live page, metrics and health; undefined for nowhere. */
  readonly http?: Listen | undefined;
  /** What a client of http must know. */
  readonly httpToken?: string | undefined;
  /** Whether such a client may act on the group. */
  readonly httpActions: boolean;
  /** Least severe log lines that the command shows. */
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** How the command's log lines look. */
  readonly logFormat?: 'pretty' | 'json' | undefined;
}

export type SettingName = keyof Settings;

/** The settings that are durations. */
export const durationNames = [
  'interval',
  'backoff',
  'timeout',
  'claimAfter',
  'heartbeat',
  'lease',
  'shutdownTimeout',
  'retain',
] as const satisfies readonly SettingName[];

/** The settings that a program writes in another form than it reads them. */
interface Written extends Record<(typeof durationNames)[number], string | number> {
  bufferLimit: string;
  http: string | number;
  processor: string | URL;
}

/**
 * Settings as a program writes them, all optional: durations as text (`'3s'`) or in milliseconds, sizes as text
 * (`'64mb'`), `http` as a port or `HOST:PORT`, the processor's module as a path or a `URL`.
 */
export type SettingsInput = {
  readonly [Name in SettingName]?: (Name extends keyof Written ? Written[Name] : Settings[Name]) | undefined;
};
