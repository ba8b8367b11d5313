import { CgroupError } from '../../core/errors.js';
import { COLON, DOLLAR, endOfReply, lineAfter, MINUS, numberAt } from './replies.js';
import { ReplyError } from './values.js';

/** Redis did what settle-whole.lua rules out. */
export class ResultsMissingError extends CgroupError {
  override readonly name = 'ResultsMissingError';

  constructor(cause: Error | undefined) {
    const why = cause?.message ?? 'no error';
    super('REDIS_REFUSED', `packs are settled, but a result is not in the output (${why})`, { cause });
  }
}

/** Reads the replies to a transaction that settles whole packs, see `transactionOf`. */
export class TransactionReplies {
  readonly #onStuck: () => void;
  readonly #count: number;
  #taken = 0;
  #refusal: Error | undefined;
  #isSettled = false;

  /**
   * @param count how many come
   * @param onStuck called if the connection must be made again: it waits for ever, or is still within the transaction
   */
  constructor(count: number, onStuck: () => void) {
    this.#count = count;
    this.#onStuck = onStuck;
  }

  /** After the last reply: whether this transaction settled the packs. If not, it changed nothing. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** The first reply that is an error; those after it follow from it. Its name is that of the errors of ioredis. */
  get refusal(): Error | undefined {
    return this.#refusal;
  }

  /**
   * Takes the reply at `at`.
   *
   * @throws {Error} the refusal, after the last reply
   */
  readonly take = (bytes: Buffer, at: number): void => {
    this.#taken++;
    const isLast = this.#taken === this.#count;
    const error = errorAt(bytes, at);
    if (error) {
      this.#refusal ??= error;
      const isWithin = isLast && !error.message.startsWith('EXECABORT');
      if (this.#taken === 1 || isWithin) this.#onStuck();
    }
    if (!isLast) return;
    if (this.#refusal) throw this.#refusal;
    this.#isSettled = readExec(bytes, at);
  };
}

/** Whether the reply to EXEC says that the packs are settled. It is a list of the replies to all commands. */
function readExec(bytes: Buffer, at: number): boolean {
  let count = numberAt(bytes, at + 1);
  const ofXread = lineAfter(bytes, at + 1);
  let next = endOfReply(bytes, ofXread, at);
  const refusal = errorAt(bytes, next);
  if (refusal) throw refusal;
  if (!isOne(bytes, next)) return false;
  for (count -= 2; count > 0; count--) {
    next = endOfReply(bytes, next, at);
    const isId = bytes[next] === DOLLAR && bytes[next + 1] !== MINUS;
    if (!(count === 1 ? isOne(bytes, next) : isId)) throw new ResultsMissingError(errorAt(bytes, next));
  }
  return true;
}

function isOne(bytes: Buffer, at: number): boolean {
  return bytes[at] === COLON && numberAt(bytes, at + 1) === 1;
}

/** The error reply at `at`; undefined for any other reply. */
function errorAt(bytes: Buffer, at: number): Error | undefined {
  if (bytes[at] !== MINUS) return undefined;
  return new ReplyError(bytes.toString('utf8', at + 1, lineAfter(bytes, at + 1) - 2));
}
