import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity } from 'node:tls';
import { CgroupError } from '../../core/errors.js';
import { isPem } from '../../core/pem.js';
import { shortened } from '../../log/printable.js';

/** How connections with TLS are made: settings of the same names, each the path of a file or the PEM text itself. */
export interface TlsSettings {
  /** Certificates of those who may sign the certificate of Redis, in place of those that Node knows. */
  readonly redisCa?: string | undefined;
  /** What is shown to Redis, and its key. */
  readonly redisCert?: string | undefined;
  readonly redisKey?: string | undefined;
  /** The name that the certificate of Redis must have, if that is not the host. */
  readonly redisServerName?: string | undefined;
}

/**
 * What Node needs for a connection with TLS to a host. Files are read anew each time: a certificate that was replaced is used
 * at the next connection.
 *
 * @throws {CgroupError} SETTINGS if a file cannot be read
 */
export async function tlsOptions(settings: TlsSettings, host: string): Promise<ConnectionOptions> {
  const [ca, cert, key] = await Promise.all([
    pemOf('redisCa', settings.redisCa),
    pemOf('redisCert', settings.redisCert),
    pemOf('redisKey', settings.redisKey),
  ]);
  const name = settings.redisServerName ?? host;
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    // The name of the server, for one that has several certificates; Node refuses an address here.
    ...(isIP(name) === 0 && { servername: name }),
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
  };
}

async function pemOf(setting: keyof TlsSettings, value: string | undefined): Promise<string | undefined> {
  if (value === undefined || isPem(value)) return value;
  try {
    return await readFile(value, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    // A private key in another form than PEM is taken for a path: it is not shown, and the cause names it too.
    if (setting === 'redisKey')
      throw new CgroupError(
        'SETTINGS',
        `redisKey: there is no file to read at this path (${code}); a key itself must be PEM`,
      );
    throw new CgroupError('SETTINGS', `${setting}: cannot read the file ${shortened(value, 200)} (${code})`, {
      cause,
    });
  }
}
