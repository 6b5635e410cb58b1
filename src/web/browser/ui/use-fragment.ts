/**
 * What a page shows is kept in the fragment of its address, so that Back, reload and a pasted link work. Browsers do not
 * send the fragment, so nothing of it gets into an access log.
 */
import { useCallback, useSyncExternalStore } from "react";

const MOVED = "fragment:moved";

/** @param how `push` makes an entry in the history, which Back returns from; `replace` does not. */
export type GoTo = (fragment: string, how?: "push" | "replace") => void;

/** @returns the fragment without its `#`, as it stands in the address, and what changes it. */
export function useFragment(): [fragment: string, goTo: GoTo] {
  const fragment = useSyncExternalStore(subscribe, currentFragment);
  const goTo = useCallback<GoTo>((next, how = "push") => {
    if (next === currentFragment()) return;
    const address = next ? `#${next}` : location.pathname;
    if (how === "push") history.pushState(null, "", address);
    else history.replaceState(null, "", address);
    dispatchEvent(new Event(MOVED));
  }, []);
  return [fragment, goTo];
}

export const currentFragment = (): string => location.hash.slice(1);

function subscribe(onChange: () => void): () => void {
  const events = ["hashchange", "popstate", MOVED];
  for (const event of events) addEventListener(event, onChange);
  return () => {
    for (const event of events) removeEventListener(event, onChange);
  };
}
