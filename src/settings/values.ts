import { HOST_OR_PROCESS } from '../core/control.js';
import { messageOf } from '../core/errors.js';
import { EXEC, kindOfProcessor } from '../core/processor-kind.js';
import { IN_REDIS } from '../core/record.js';
import { parseRedisUrl, REDIS_URL_RULE } from '../core/redis-address.js';
import { type Listen, parseListen } from './addresses.js';
import { DURATION, formatDuration, parseDuration } from './durations.js';
import { filled, Kind, matching, text } from './kind.js';
import { parseSize, SIZE } from './sizes.js';

// The kinds of values that settings have.

/** A timer of more than 2^31 ms fires at once. */
const LONGEST = parseDuration('24h');

/** A duration as people write it, given back in whole milliseconds. */
export function duration(least = 1): Kind<number> {
  const range = `must be a duration from ${formatDuration(least)} to ${formatDuration(LONGEST)}`;
  return matching(DURATION, 'must be a duration such as 250ms, 3s or 2m')
    .transform(parseDuration)
    .check((value) => (value >= least && value <= LONGEST ? undefined : range));
}

/** A size as Redis writes them, given back in bytes; 1 MB at least. */
export function size(): Kind<number> {
  return matching(SIZE, 'must be a size such as 512kb, 64mb or 2gb')
    .transform(parseSize)
    .check((value) => (value >= 2 ** 20 ? undefined : 'must be a size of 1mb or more'));
}

/** A whole number from `least` to `most`. */
export function whole(least: number, most = Number.MAX_SAFE_INTEGER): Kind<number> {
  const range = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `from ${least} to ${most}`;
  const rule = `must be a whole number, ${range}`;
  return new Kind({ type: 'integer', minimum: least, maximum: most }, (value) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most
      ? { value }
      : { rule },
  );
}

export function autoOrWhole(least: number, most: number): Kind<number | 'auto'> {
  const number = whole(least, most);
  return new Kind<number | 'auto'>({ anyOf: [{ type: 'string', const: 'auto' }, number.json] }, (value) => {
    if (value === 'auto') return { value };
    const read = number.read(value);
    return read.rule === undefined ? read : { rule: read.rule.replace('must be ', 'must be auto or ') };
  });
}

export function choice<const T extends string>(values: readonly T[]): Kind<T> {
  const rule = `must be one of ${values.join(', ')}`;
  return new Kind({ type: 'string', enum: values }, (value) => {
    const chosen = values.find((one) => one === value);
    return chosen === undefined ? { rule } : { value: chosen };
  });
}

export function name(): Kind<string> {
  const half = 'must not hold half a surrogate pair';
  return filled('must be a text').check((value) => (/\p{Surrogate}/u.test(value) ? half : undefined));
}

/** The name stands in braces inside other keys, to fix their hash slot: its own braces would move it. */
export function slotName(): Kind<string> {
  return matching(/^[^{}]+$/, 'must not contain { or }', name());
}

/** What processes messages: a path, `exec:COMMAND`, the URL of a service, or `remote`. */
export function processor(): Kind<string> {
  const rule =
    'must be the path of a module, exec:COMMAND, an http(s):// URL or remote; in a program also a function, or a file: URL';
  return filled(rule).check((value) => {
    const kind = kindOfProcessor(value);
    if (kind === 'exec' && value.slice(EXEC.length).trim() === '')
      return 'needs a command after exec:, such as exec:python3 handler.py';
    if (kind === 'module' && /^[a-z][\w+.-]*:\/\//i.test(value)) return rule;
    if (kind === 'service' && !URL.canParse(value))
      return 'must be a whole URL, such as http://127.0.0.1:8080/';
    return undefined;
  });
}

/** A URL of Redis, given back without blanks around it. */
export function redisUrl(): Kind<string> {
  return text(REDIS_URL_RULE)
    .transform((value) => value.trim())
    .check((value) => {
      try {
        parseRedisUrl(value);
        return undefined;
      } catch (error) {
        return messageOf(error);
      }
    });
}

/** Where to listen, `[HOST:]PORT`, given back as host and port. */
export function listen(): Kind<Listen> {
  const rule =
    'must be a port or HOST:PORT, such as 9464, 0.0.0.0:9464 or [::1]:9464, the port from 0 to 65535';
  return new Kind({ type: ['number', 'string'] }, (value) => {
    const isWritten = typeof value === 'number' || typeof value === 'string';
    const at = isWritten ? parseListen(String(value)) : undefined;
    return at ? { value: at } : { rule };
  });
}

/** It travels in a header and is typed as a password: no blanks, nothing beyond ASCII. */
export function token(): Kind<string> {
  return matching(
    /^[\x21-\x7e]{16,}$/,
    'must be a text of 16 or more letters, digits and signs, without blanks',
  );
}

export function toggle(): Kind<boolean> {
  const rule = 'must be true or false';
  return new Kind({ type: 'boolean' }, (value) => (typeof value === 'boolean' ? { value } : { rule }));
}

export function hostName(): Kind<string> {
  return matching(HOST_OR_PROCESS, 'must be a text of 1 to 300 characters, without control characters');
}

/** A path of names into a message. */
export function keyPath(): Kind<string> {
  return matching(/^[^.\s]+(\.[^.\s]+)*$/, 'must be the path of a value in the message, such as customer.id');
}

/** Where results are recorded besides the output: in Redis, or the URL of a PostgreSQL. */
export function record(): Kind<string> {
  const rule = 'must be redis, or a URL such as postgres://user:password@host:5432/database';
  const isRight = (value: string) =>
    value === IN_REDIS || (/^postgres(ql)?:\/\//i.test(value) && URL.canParse(value));
  return text(rule)
    .transform((value) => value.trim())
    .check((value) => (isRight(value) ? undefined : rule));
}

/** A table of PostgreSQL, in a schema if one is named. */
export function tableName(): Kind<string> {
  return matching(
    /^[A-Za-z_]\w{0,62}(\.[A-Za-z_]\w{0,62})?$/,
    'must be NAME or SCHEMA.NAME, each of letters, digits and _, not beginning with a digit',
  );
}

export function path(): Kind<string> {
  return filled('must be the path of a file');
}

/** The path of a file in the form PEM, or its text. */
export function pem(): Kind<string> {
  const rule = 'must be the path of a file in the form PEM, or its text (-----BEGIN …)';
  return text(rule).check((value) => (value === '' ? rule : undefined), { minLength: 1 });
}
