import { performance } from 'node:perf_hooks';
import { messageOf } from '../../core/errors.js';
import { aborted, pause } from '../../core/service.js';
import type { GroupClient } from '../../observe/client.js';
import { print } from '../command.js';
import { untilSignal } from '../signals.js';
import { drawing, plainLines } from './frame.js';
import { TopHistory } from './history.js';
import { intentOf, type Key } from './keys.js';
import { TopReader } from './reader.js';
import { Screen } from './screen.js';
import {
  type Effect,
  FIRST_STATE,
  letterRead,
  letterSent,
  lettersWanted,
  press,
  type Shown,
  type TopState,
} from './state.js';

/** ms between two drawings: they also show that the numbers are old. */
const DRAW_EVERY = 1_000;
/** Dead letters in a pipe. */
const LETTERS_PRINTED = 20;

/** Shows the group on the whole terminal until the user quits. Redis may go away meanwhile. */
export async function showOnScreen(client: GroupClient, interval: number): Promise<void> {
  await new TopScreen(client, interval).run();
}

/** Prints the same once, as plain text, for a pipe. A rate takes two readings, `interval` ms apart. */
export async function printOnce(client: GroupClient, interval: number): Promise<void> {
  const reader = new TopReader(client);
  const history = new TopHistory(interval, performance.now());
  await reader.readInto(history, LETTERS_PRINTED);
  await pause(interval);
  await reader.readInto(history, LETTERS_PRINTED);
  for (const { text } of plainLines(history.view(performance.now()))) print(text);
}

/** Readings, keys and drawings of one run on the terminal. */
class TopScreen {
  readonly #client: GroupClient;
  readonly #interval: number;
  readonly #screen = new Screen(process.stdout, process.stdin);
  readonly #reader: TopReader;
  readonly #history: TopHistory;
  readonly #ending = new AbortController();
  /** Aborted to read again at once. */
  #pause = new AbortController();
  #state: TopState = FIRST_STATE;
  #shown: Shown = { panes: [], halted: new Set(), page: 1, lastLine: 0 };

  constructor(client: GroupClient, interval: number) {
    this.#client = client;
    this.#interval = interval;
    this.#reader = new TopReader(client);
    this.#history = new TopHistory(interval, performance.now());
  }

  async run(): Promise<void> {
    const quit = () => this.#quit();
    const draw = () => this.#draw();
    void untilSignal(quit);
    this.#screen.open({ key: (key) => this.#press(key), quit, resize: draw });
    const timer = setInterval(draw, DRAW_EVERY);
    try {
      draw();
      await this.#readOn();
    } finally {
      clearInterval(timer);
      this.#screen.close();
    }
  }

  async #readOn(): Promise<void> {
    const { signal } = this.#ending;
    const ended = aborted(signal);
    while (!signal.aborted) {
      this.#pause = new AbortController();
      const started = performance.now();
      const reading = this.#reader
        .readInto(this.#history, lettersWanted(this.#state))
        .catch((error) => this.#history.fail(messageOf(error)));
      // The user can quit even if Redis does not answer.
      await Promise.race([reading, ended]);
      this.#draw();
      if (!signal.aborted)
        await pause(Math.max(0, this.#interval - (performance.now() - started)), this.#pause.signal);
    }
  }

  #draw(): void {
    const view = this.#history.view(performance.now());
    const { lines, state, shown } = drawing(view, this.#screen.size, this.#state, this.#screen.hasKeys);
    this.#state = state;
    this.#shown = shown;
    this.#screen.draw(lines);
  }

  #press(key: Key): void {
    const before = lettersWanted(this.#state);
    const { state, effect } = press(this.#state, intentOf(key), this.#shown);
    this.#state = state;
    if (effect) this.#carryOut(effect);
    if (lettersWanted(state) !== before) this.#pause.abort();
    this.#draw();
  }

  #carryOut(effect: Effect): void {
    if (effect.kind === 'quit') this.#quit();
    else void (effect.kind === 'read' ? this.#open(effect.id) : this.#retry(effect.id));
  }

  #quit(): void {
    this.#ending.abort();
    this.#pause.abort();
  }

  async #open(id: string): Promise<void> {
    const read = await this.#client.deadLetters.show(id).catch(errorOf);
    this.#state = letterRead(this.#state, id, read);
    this.#draw();
  }

  async #retry(id: string): Promise<void> {
    const sent = await this.#client.deadLetters.retry([id]).catch(errorOf);
    this.#state = letterSent(this.#state, id, sent instanceof Error ? sent : sent.length > 0);
    this.#pause.abort();
    this.#draw();
  }
}

function errorOf(error: unknown): Error {
  return error instanceof Error ? error : new Error(messageOf(error));
}
