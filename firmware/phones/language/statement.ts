/** A line of a settings file that a client acts on; all other lines are comments. `line` counts from 1. */
export type Statement =
  | { readonly kind: 'set'; readonly line: number; readonly name: string; readonly value: string }
  | {
      readonly kind: 'if';
      readonly line: number;
      readonly left: string;
      readonly right: string;
      readonly tag: string;
    }
  | { readonly kind: 'goto'; readonly line: number; readonly tag: string }
  | { readonly kind: 'tag'; readonly line: number; readonly tag: string }
  | { readonly kind: 'get'; readonly line: number; readonly file: string };

/** Something in a file that a client would silently pass over. */
export interface Warning {
  readonly line: number;
  readonly text: string;
}
