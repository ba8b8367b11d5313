/** The kind of a line; the screen colours it accordingly. */
export type Tone = 'title' | 'head' | 'good' | 'warn' | 'alarm' | 'dim' | 'selected';

/** A line of the screen. */
export interface Line {
  readonly text: string;
  readonly tone?: Tone | undefined;
}

/** The size of the screen in characters; Infinity in a pipe. */
export interface Size {
  readonly width: number;
  readonly height: number;
}
