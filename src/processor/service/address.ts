import { decoded } from '../../log/log-line.js';

/** Where a service is. */
export interface ServiceAddress {
  /** `https://host:port` */
  readonly origin: string;
  /** With the query. */
  readonly path: string;
  /** The header, from user and password of the URL. */
  readonly authorization: string | undefined;
  /** For people: without user, password and query, which may hold secrets. */
  readonly shown: string;
}

/** @param text a valid URL */
export function parseServiceUrl(text: string): ServiceAddress {
  const { origin, pathname, search, username, password } = new URL(text);
  const credentials = `${decoded(username)}:${decoded(password)}`;
  return {
    origin,
    path: pathname + search,
    authorization: username || password ? `Basic ${Buffer.from(credentials).toString('base64')}` : undefined,
    shown: origin + pathname,
  };
}
