export class PostgresServer {
  static start(settings?: Record<string, string>): Promise<PostgresServer>;
  readonly port: number;
  readonly url: string;
  readonly pid: number | undefined;
  urlOf(user: string): string;
  start(): Promise<void>;
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
  restart(mode?: 'fast' | 'immediate'): Promise<void>;
  freeze(): void;
  thaw(): void;
  log(): string;
  remove(): Promise<void>;
}
