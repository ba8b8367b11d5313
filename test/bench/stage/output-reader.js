import { numberIn, stampIn } from './messages.js';
import { RespScanner } from './resp-scanner.js';

const BRACE = 0x7b;
/** Depth of the entries in a reply of XREAD: in the list of streams, in the only stream. */
const ENTRIES = 3;

/**
 * Reads replies of XREAD on the output. It reports each result by its number and its stamp, without an object: at 50,000 a
 * second, the reader must not cost more than the contender.
 *
 * An entry is an array of its id and an array of its fields, so the id is the first text after each second array.
 */
export class OutputReader {
  /** The id of the last entry. */
  last = '0';
  #scanner;
  #arrays = 0;
  #left = 0;
  #idFollows = false;

  /**
   * @param {(number: number, stamp: number) => void} result a message has its result
   * @param {() => void} end the reply is over
   */
  constructor(result, end) {
    this.#scanner = new RespScanner({
      array: (length) => {
        this.#arrays++;
        if (this.#arrays === ENTRIES) this.#left = length;
        this.#idFollows = this.#arrays > ENTRIES && (this.#arrays - ENTRIES) % 2 === 1;
      },
      text: (bytes, from, to) => {
        if (this.#idFollows) this.#id(bytes, from, to);
        else if (bytes[from] === BRACE) result(numberIn(bytes, from), stampIn(bytes, from));
      },
      end: () => {
        this.#arrays = 0;
        end();
      },
    });
  }

  /** @param {Buffer} chunk from the socket, cut anywhere */
  take(chunk) {
    this.#scanner.take(chunk);
  }

  #id(bytes, from, to) {
    this.#idFollows = false;
    this.#left--;
    if (this.#left === 0) this.last = bytes.toString('latin1', from, to);
  }
}
