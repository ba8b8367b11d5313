import { act, told } from './actions.js';
import { count, counted } from './format.js';

/** What a button says, what will happen, and what was done. */
const ACTIONS = {
  retry: {
    verb: 'Retry',
    will: (number) =>
      `${counted(number, 'dead letter')} ${number === 1 ? 'goes' : 'go'} back to the inbox and ${number === 1 ? 'is' : 'are'} processed anew, with all attempts. If the cause is still there, ${number === 1 ? 'it dies' : 'they die'} again.`,
    done: 'sent back',
  },
  skip: {
    verb: 'Skip',
    will: (number) =>
      `What waits for ${counted(number, 'dead letter')} goes on without ${number === 1 ? 'it' : 'them'}. The order has a hole there; the dead letter stays.`,
    done: 'skipped',
  },
  purge: {
    verb: 'Delete',
    danger: true,
    will: (number) =>
      `${counted(number, 'dead letter')} ${number === 1 ? 'is' : 'are'} deleted for good, with the message. This cannot be undone.`,
    done: 'deleted',
  },
};

/** Asks before dead letters are sent back, skipped or deleted. */
export class LetterActions {
  #confirmation;
  #onDone;

  /** @param onDone called after an action */
  constructor(confirmation, onDone) {
    this.#confirmation = confirmation;
    this.#onDone = onDone;
  }

  /**
   * Counts what is meant, says what will happen, and acts if the user confirms.
   *
   * @param {'retry' | 'skip' | 'purge'} action
   * @param meant { ids } or { filter }, and `name`, which of them
   */
  async ask(action, { ids, filter, name }) {
    const { verb, will, done, danger = false } = ACTIONS[action];
    const meant = ids ? { ids } : { filter };
    let plan;
    try {
      plan = await act(action, { ...meant, dryRun: true });
    } catch (error) {
      this.#confirmation.ask({
        title: `${verb}: not possible`,
        texts: [error.message],
        verb: 'Try again',
        run: () => Promise.reject(error),
      });
      return;
    }
    const { count: number, through, more, halted } = plan;
    if (number === 0) {
      told(`There is no dead letter ${name} any more.`);
      return;
    }
    const texts = [will(number)];
    if (more) texts.push(`There are more: one call takes ${count(number)}. Do it again for the rest.`);
    if (halted > 0 && action === 'purge')
      texts.push(`${count(halted)} of them stop an order, which then goes on without them.`);
    if (filter) texts.push('Those that die from now on are not meant.');
    this.#confirmation.ask({
      title: `${verb} ${counted(number, 'dead letter')} ${name}?`,
      texts,
      verb,
      danger,
      run: async (asked) => {
        const result = await act(action, { ...meant, ...(filter && through && { through }), ...asked });
        this.#onDone();
        return `${counted(result.done, 'dead letter')} ${done}.`;
      },
    });
  }
}
