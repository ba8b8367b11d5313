import { type Fix, redis } from '../core/finding.js';
import type { LateStream } from '../redis/stream-ids.js';

/**
 * Writes a stream anew without some entries, its consumer group and what is pending included, and puts it in the place of the
 * old one. XDEL and XSETID are not enough: since 7.2 Redis sets no id back behind an entry that was ever deleted.
 *
 * KEYS: the stream, a key for the new one. ARGV: the id that the group has read, the group or '', ids of entries to leave out:
 * the newest ones. All of it is written before the old stream is touched.
 */
const WITHOUT = [
  'local c,from,to,out,at=redis.call,KEYS[1],KEYS[2],{},"-"',
  'for i=3,#ARGV do out[ARGV[i]]=1 end',
  'c("DEL",to)',
  'repeat local page=c("XRANGE",from,at,"+","COUNT",1000)',
  'for _,e in ipairs(page) do at="("..e[1] if not out[e[1]] then c("XADD",to,e[1],unpack(e[2])) end end',
  'until #page<1000 or out[page[1000][1]]',
  'if ARGV[2]~="" then c("XGROUP","CREATE",to,ARGV[2],ARGV[1],"MKSTREAM")',
  'for _,p in ipairs(c("XPENDING",from,ARGV[2],"-","+",1000000)) do if not out[p[1]] then',
  'c("XCLAIM",to,ARGV[2],p[2],0,p[1],"IDLE",p[3],"RETRYCOUNT",p[4],"FORCE","JUSTID") end end end',
  'if c("EXISTS",to)==1 then return c("RENAME",to,from) end return c("DEL",from)',
].join(' ');

/** The command that takes the late entries out of a stream. On a Cluster both keys are in one slot. */
export function withoutLateEntries({ key, entries, before, hasGroup }: LateStream, group: string): Fix {
  const fresh = key.includes('{') ? `${key}:new` : `{${key}}:new`;
  return redis('EVAL', WITHOUT, '2', key, fresh, before, hasGroup ? group : '', ...entries);
}
