import { onTestFinished } from 'vitest';
import type { PackSettlement } from '../../src/core/consumer-store.js';
import { countIn, identityIn } from '../../src/core/pack.js';
import { silentLogger } from '../../src/log/logger.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { type Requests, WholePacks } from '../../src/redis/whole-packs.js';
import { packGroup } from './pack-group.js';
import type { Namespace } from './redis.js';
import { GROUP } from './stores.js';

/** A pack of which every message was processed. */
export function wholeOf(id: string, consumerId = 'a', dataOf = (k: number) => `{"n":${k}}`): PackSettlement {
  const texts = Array.from({ length: countIn(id) }, (_, i) => [`m${i + 1}`, dataOf(i + 1)]).flat();
  return { id, consumerId, texts, left: [] };
}

/**
 * A group in which consumer `a` holds packs of `size` messages.
 *
 * @param as the URL by which its packs are settled
 */
export async function holdingPacks(space: Namespace, count = 4, size = 25, as = space.redis) {
  const group = await packGroup(space);
  const { consumerStore, raw, keys, inspector, fields } = group;
  const ids = await group.relayPacks(count, size);
  await group.readAll();
  const connection = new Connection(as, 'packs', silentLogger);
  onTestFinished(() => connection.close());
  await connection.connect();
  const sent: Buffer[] = [];
  let renewed = 0;
  const requests: Requests = {
    request: (doing, write, ...rest) => {
      const kept = (memory: Buffer | undefined) => {
        const bytes = write(memory);
        sent.push(Buffer.from(bytes));
        return bytes;
      };
      return connection.request(doing, kept, ...rest);
    },
    replicated: async () => {},
    renew: () => {
      renewed++;
      connection.renew();
    },
  };
  const warnings: string[] = [];
  const log = { ...silentLogger, warn: (_fields: object, text: string) => void warnings.push(text) };
  const whole = new WholePacks(requests, keys, GROUP, log);
  const byScript: string[] = [];
  return {
    ...group,
    ids,
    connection,
    /** The bytes of each transaction. */
    sent,
    /** How often the connection was made again because of a reply. */
    renewed: () => renewed,
    warnings,
    /** The packs that were left for settle.lua. */
    byScript,
    settle: (packs: readonly PackSettlement[], maxLength = 0) =>
      whole.settle(packs, maxLength, (left) => {
        byScript.push(...left.map(({ id }) => id));
        return consumerStore.settlePacks(left, maxLength);
      }),
    /** How often each message of these packs is in the output. */
    outputs: async (of: readonly string[] = ids) => {
      const found = (await fields(keys.output)).map(({ inbox_id }) => inbox_id);
      return of.flatMap((id) =>
        Array.from(
          { length: countIn(id) },
          (_, i) => found.filter((one) => one === identityIn(id, i + 1)).length,
        ),
      );
    },
    /** What a transaction and the script leave behind in the same way. */
    state: async () => ({
      open: await raw.keys(`${keys.open.replace(/[{}[\]]/g, '?')}*`),
      packs: (await raw.xrange(keys.packs, '-', '+')).map(([id]) => id),
      pending: ((await raw.xpending(keys.packs, GROUP)) as unknown[])[0],
      output: (await fields(keys.output)).map(({ inbox_id }) => inbox_id),
      processedBy: await raw.hgetall(keys.processed),
      counters: (({ processed, trimmed, packed }) => ({ processed, trimmed, packed }))(
        (await raw.hgetall(keys.counters)) as Record<string, string>,
      ),
      backlog: (await inspector.read()).backlog,
    }),
  };
}

export type HoldingPacks = Awaited<ReturnType<typeof holdingPacks>>;

/** The bytes of the transaction that settles all packs of a group; it is not sent. */
export async function transactionBytes({ ids, keys }: Pick<HoldingPacks, 'ids' | 'keys'>): Promise<Buffer> {
  let sent: Buffer | undefined;
  const requests: Requests = {
    request: async (_doing, write) => {
      sent = write(undefined);
    },
    renew: () => {},
    replicated: async () => {},
  };
  const never = new WholePacks(requests, keys, GROUP, silentLogger);
  await never.settle(
    ids.map((id) => wholeOf(id)),
    0,
    async () => [],
  );
  return sent as unknown as Buffer;
}
