/** Entity tags (RFC 9110 §8.8.3): the version of a representation, in quotes. All of them are strong. */

export const etagOf = (version: string): string => `"${version}"`;

/** @returns null when every version is accepted: without a condition, or with `*`. Weak tags match nothing (§13.1.1). */
export const versionsOf = (ifMatch: string | undefined): string[] | null =>
  ifMatch === undefined || ifMatch.trim() === "*" ? null : tagsIn(ifMatch);

/** Whether the client has this version already; weak tags count as well (§13.1.2). */
export const isKnown = (ifNoneMatch: string | undefined, version: string): boolean =>
  ifNoneMatch !== undefined &&
  (ifNoneMatch.trim() === "*" || tagsIn(ifNoneMatch.replaceAll("W/", "")).includes(version));

const tagsIn = (list: string): string[] =>
  list.split(",").flatMap((item) => /^"([!\x23-\x7e]*)"$/.exec(item.trim())?.[1] ?? []);
