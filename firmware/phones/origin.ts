/** What made a line of a generated file: all that apply. */
export interface Origin {
  /** Fields of the configuration, as paths. */
  readonly fields?: readonly string[];
  /** Entries of NoUser, as they stand there. */
  readonly sourceNumbers?: readonly string[];
  /** What of the request it follows. */
  readonly request?: string;
  /** What of the running box it follows. */
  readonly box?: string;
  /** Why it is the same on every box. */
  readonly fixed?: string;
}

export function fields(...paths: readonly string[]): Origin {
  return { fields: paths };
}

export function fixed(why: string): Origin {
  return { fixed: why };
}

/** Both: the parts of `more` stand beside those of `origin`. */
export function and(origin: Origin, more: Origin): Origin {
  return {
    ...origin,
    ...more,
    fields: [...new Set([...(origin.fields ?? []), ...(more.fields ?? [])])],
    sourceNumbers: [...new Set([...(origin.sourceNumbers ?? []), ...(more.sourceNumbers ?? [])])],
  };
}

/** For people, on one line. */
export function formatOrigin(origin: Origin): string {
  const parts = [
    ...(origin.fields ?? []),
    ...(origin.sourceNumbers ?? []).map((entry) => `source number ${entry}`),
    ...(origin.request === undefined ? [] : [`request: ${origin.request}`]),
    ...(origin.box === undefined ? [] : [`running box: ${origin.box}`]),
    ...(origin.fixed === undefined ? [] : [`fixed: ${origin.fixed}`]),
  ];
  return parts.join(', ');
}
