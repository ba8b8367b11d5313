import { performance } from 'node:perf_hooks';
import { messageOf } from '../../core/errors.js';
import { pause } from '../../core/service.js';
import type { GroupClient } from '../../observe/client.js';
import { type ShownDeadLetter, shownDeadLetter } from '../../observe/dead-letters.js';
import { print } from '../command.js';
import { untilSignal } from '../signals.js';
import { frame } from './frame.js';
import { History } from './history.js';
import { Screen } from './screen.js';

/** Dead letters that are read: more than most screens have room for. */
const LETTERS = 20;
/** ms between two drawings, so that it is seen that the numbers are old. */
const DRAW_EVERY = 1_000;

/** Shows the group on the whole terminal until the user quits. Redis may go away meanwhile. */
export async function showOnScreen(client: GroupClient, interval: number): Promise<void> {
  const ending = new AbortController();
  const quit = () => ending.abort();
  void untilSignal(quit);
  process.once('SIGHUP', quit);
  const screen = new Screen(process.stdout, process.stdin);
  const reader = new Reader(client);
  const history = new History(interval, performance.now());
  const draw = () => screen.draw(frame(history.view(performance.now()), screen.size));
  screen.open(quit, draw);
  const drawing = setInterval(draw, DRAW_EVERY);
  const aborted = new Promise<void>((resolve) =>
    ending.signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  try {
    draw();
    while (!ending.signal.aborted) {
      const started = performance.now();
      const reading = reader.readInto(history).catch((error) => history.failed(messageOf(error)));
      // A Redis that does not answer must not keep the user from leaving.
      await Promise.race([reading, aborted]);
      draw();
      await pause(Math.max(0, interval - (performance.now() - started)), ending.signal);
    }
  } finally {
    clearInterval(drawing);
    screen.close();
  }
}

/** Prints the same once, as plain text: where stdout is no terminal. A rate takes two readings, `interval` apart. */
export async function printOnce(client: GroupClient, interval: number): Promise<void> {
  const reader = new Reader(client);
  const history = new History(interval, performance.now());
  await reader.readInto(history);
  await pause(interval);
  await reader.readInto(history);
  const everything = { width: Number.POSITIVE_INFINITY, height: Number.POSITIVE_INFINITY };
  for (const { text } of frame(history.view(performance.now()), everything)) print(text);
}

/** Reads status and dead letters; the latter, which may be long, only when there are others. */
class Reader {
  readonly #client: GroupClient;
  #letters: ShownDeadLetter[] = [];
  #version = '';

  constructor(client: GroupClient) {
    this.#client = client;
  }

  async readInto(history: History): Promise<void> {
    const status = await this.#client.status();
    const { dead, purged, revived } = status.counters;
    const version = [dead, purged, revived].join();
    if (version !== this.#version) {
      const letters: ShownDeadLetter[] = [];
      for await (const entry of this.#client.inspector.newestDeadLetters(LETTERS))
        letters.push(shownDeadLetter(entry));
      this.#letters = letters;
      this.#version = version;
    }
    history.seen(status, this.#letters, performance.now(), (await this.#client.misnamed())?.what);
  }
}
