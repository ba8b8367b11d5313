/** What a line of the screen is, from which its colour follows. */
export type Tone = 'title' | 'head' | 'alarm' | 'dim';

export interface Line {
  readonly text: string;
  readonly tone?: Tone;
}
