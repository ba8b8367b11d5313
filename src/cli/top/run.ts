import { performance } from 'node:perf_hooks';
import { isPartial } from '../../core/away-lanes.js';
import { messageOf } from '../../core/errors.js';
import { pause } from '../../core/service.js';
import type { GroupClient } from '../../observe/client.js';
import type { ShownDeadLetter } from '../../observe/dead-letters.js';
import { print } from '../command.js';
import { untilSignal } from '../signals.js';
import { frame } from './frame.js';
import { TopHistory } from './history.js';
import { Screen } from './screen.js';

/** Dead letters to read: more than most screens have room for. */
const MAX_DEAD_LETTERS = 20;
/** ms between two drawings: they also show that the numbers are old. */
const DRAW_EVERY = 1_000;

/** Shows the group on the whole terminal until the user quits. Redis may go away meanwhile. */
export async function showOnScreen(client: GroupClient, interval: number): Promise<void> {
  const ending = new AbortController();
  const quit = () => ending.abort();
  void untilSignal(quit);
  process.once('SIGHUP', quit);
  const screen = new Screen(process.stdout, process.stdin);
  const reader = new Reader(client);
  const history = new TopHistory(interval, performance.now());
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
      const reading = reader.readInto(history).catch((error) => history.fail(messageOf(error)));
      // The user can quit even if Redis does not answer.
      await Promise.race([reading, aborted]);
      draw();
      await pause(Math.max(0, interval - (performance.now() - started)), ending.signal);
    }
  } finally {
    clearInterval(drawing);
    screen.close();
  }
}

/** Prints the same once, as plain text, for a pipe. A rate takes two readings, `interval` ms apart. */
export async function printOnce(client: GroupClient, interval: number): Promise<void> {
  const reader = new Reader(client);
  const history = new TopHistory(interval, performance.now());
  await reader.readInto(history);
  await pause(interval);
  await reader.readInto(history);
  const everything = { width: Number.POSITIVE_INFINITY, height: Number.POSITIVE_INFINITY };
  for (const { text } of frame(history.view(performance.now()), everything)) print(text);
}

/** Reads the status, and the dead letters (they may be long) only if they changed. */
class Reader {
  readonly #client: GroupClient;
  #deadLetters: ShownDeadLetter[] = [];
  #version = '';

  constructor(client: GroupClient) {
    this.#client = client;
  }

  async readInto(history: TopHistory): Promise<void> {
    const status = await this.#client.status();
    const { dead, purged, revived } = status.counters;
    const version = [dead, purged, revived].join();
    // All lanes are needed to list them.
    if (version !== this.#version && !isPartial(status)) {
      this.#deadLetters = await this.#client.deadLetters.list({ limit: MAX_DEAD_LETTERS });
      this.#version = version;
    }
    history.add(status, this.#deadLetters, performance.now(), (await this.#client.misnamed())?.what);
  }
}
