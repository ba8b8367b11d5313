import * as z from 'zod';
import { HOST_OR_PROCESS } from '../core/control.js';
import { messageOf } from '../core/errors.js';
import { EXEC, kindOfProcessor } from '../core/processor-kind.js';
import { IN_REDIS } from '../core/record.js';
import { parseRedisUrl, REDIS_URL_RULE } from '../core/redis-address.js';
import { parseListen } from './addresses.js';
import { DURATION, formatDuration, parseDuration } from './durations.js';
import { parseSize, SIZE } from './sizes.js';

// The kinds of values that settings have.

/** A timer of more than 2^31 ms fires at once. */
const LONGEST = parseDuration('24h');

/** A duration as people write it, given back in whole milliseconds. */
export function duration(least = 1) {
  const error = 'must be a duration such as 250ms, 3s or 2m';
  const range = `must be a duration from ${formatDuration(least)} to ${formatDuration(LONGEST)}`;
  return z
    .string({ error })
    .regex(DURATION, { error })
    .transform(parseDuration)
    .refine((value) => value >= least && value <= LONGEST, { error: range });
}

/** A size as Redis writes them, given back in bytes; 1 MB at least. */
export function size() {
  const error = 'must be a size such as 512kb, 64mb or 2gb';
  return z
    .string({ error })
    .regex(SIZE, { error })
    .transform(parseSize)
    .refine((value) => value >= 2 ** 20, { error: 'must be a size of 1mb or more' });
}

/** A whole number from `least` to `most`; `or` is what else the setting may be, in words. */
export function whole(least: number, most = Number.MAX_SAFE_INTEGER, or = '') {
  const range = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `from ${least} to ${most}`;
  const error = `must be ${or}a whole number, ${range}`;
  return z.number({ error }).int({ error }).min(least, { error }).max(most, { error });
}

export function autoOrWhole(least: number, most: number) {
  const error = `must be auto or a whole number, from ${least} to ${most}`;
  return z.union([z.literal('auto'), whole(least, most, 'auto or ')], { error });
}

export function choice<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, { error: `must be one of ${values.join(', ')}` });
}

export function name() {
  return z
    .string({ error: 'must be a text' })
    .min(1, { error: 'must not be empty' })
    .refine((text) => !/\p{Surrogate}/u.test(text), { error: 'must not hold half a surrogate pair' });
}

/** The name stands in braces inside other keys, to fix their hash slot: its own braces would move it. */
export function slotName() {
  return name().regex(/^[^{}]+$/, { error: 'must not contain { or }' });
}

/** What processes messages: a path, `exec:COMMAND`, the URL of a service, or `remote`. */
export function processor() {
  const error =
    'must be the path of a module, exec:COMMAND, an http(s):// URL or remote; in a program also a function, or a file: URL';
  return z
    .string({ error })
    .min(1, { error: 'must not be empty' })
    .superRefine((text, context) => {
      const kind = kindOfProcessor(text);
      if (kind === 'exec' && text.slice(EXEC.length).trim() === '')
        context.addIssue('needs a command after exec:, such as exec:python3 handler.py');
      if (kind === 'module' && /^[a-z][\w+.-]*:\/\//i.test(text)) context.addIssue(error);
      if (kind === 'service' && !URL.canParse(text))
        context.addIssue('must be a whole URL, such as http://127.0.0.1:8080/');
    });
}

/** A URL of Redis, given back without blanks around it. */
export function redisUrl() {
  return z
    .string({ error: REDIS_URL_RULE })
    .trim()
    .superRefine((text, context) => {
      try {
        parseRedisUrl(text);
      } catch (error) {
        context.addIssue(messageOf(error));
      }
    });
}

/** Where to listen, `[HOST:]PORT`, given back as host and port. */
export function listen() {
  const error =
    'must be a port or HOST:PORT, such as 9464, 0.0.0.0:9464 or [::1]:9464, the port from 0 to 65535';
  return z
    .union([z.number({ error }), z.string({ error })], { error })
    .refine((value) => parseListen(String(value)) !== undefined, { error })
    .transform((value) => parseListen(String(value)) ?? { host: '', port: 0 });
}

/** It travels in a header and is typed as a password: no blanks, nothing beyond ASCII. */
export function token() {
  const error = 'must be a text of 16 or more letters, digits and signs, without blanks';
  return z.string({ error }).regex(/^[\x21-\x7e]{16,}$/, { error });
}

export function toggle() {
  return z.boolean({ error: 'must be true or false' });
}

export function hostName() {
  const error = 'must be a text of 1 to 300 characters, without control characters';
  return z.string({ error }).regex(HOST_OR_PROCESS, { error });
}

/** A path of names into a message. */
export function keyPath() {
  const error = 'must be the path of a value in the message, such as customer.id';
  return z.string({ error }).regex(/^[^.\s]+(\.[^.\s]+)*$/, { error });
}

/** Where results are recorded besides the output: in Redis, or the URL of a PostgreSQL. */
export function record() {
  const error = 'must be redis, or a URL such as postgres://user:password@host:5432/database';
  return z
    .string({ error })
    .trim()
    .refine((text) => text === IN_REDIS || (/^postgres(ql)?:\/\//i.test(text) && URL.canParse(text)), {
      error,
    });
}

/** A table of PostgreSQL, in a schema if one is named. */
export function tableName() {
  const error = 'must be NAME or SCHEMA.NAME, each of letters, digits and _, not beginning with a digit';
  return z.string({ error }).regex(/^[A-Za-z_]\w{0,62}(\.[A-Za-z_]\w{0,62})?$/, { error });
}

export function path() {
  return z.string({ error: 'must be the path of a file' }).min(1, { error: 'must not be empty' });
}

/** The path of a file in the form PEM, or its text. */
export function pem() {
  const error = 'must be the path of a file in the form PEM, or its text (-----BEGIN …)';
  return z.string({ error }).min(1, { error });
}
