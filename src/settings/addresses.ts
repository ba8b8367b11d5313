import { isIP } from 'node:net';

/** Where a server listens. */
export interface Listen {
  /** A name or an address; an IPv6 address without its brackets. */
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
}

const LOOPBACK = '127.0.0.1';
/** `9464`, `host:9464`, `[::1]:9464` */
const LISTEN = /^(?:(?:\[([\da-f:.]+)\]|([\w.-]+)):)?(\d{1,5})$/i;

/** Reads `[HOST:]PORT`, without a host for 127.0.0.1. Undefined if the text has another form. */
export function parseListen(text: string): Listen | undefined {
  const [, address, name, digits] = LISTEN.exec(text) ?? [];
  const port = Number(digits);
  if (digits === undefined || port > 65_535) return undefined;
  if (address !== undefined && isIP(address) !== 6) return undefined;
  return { host: address ?? name ?? LOOPBACK, port };
}

/** Whether only this machine can reach what listens there. A name other than `localhost` may lead anywhere. */
export function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.');
  return host === '::1' || host.toLowerCase() === 'localhost';
}
