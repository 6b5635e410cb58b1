/**
 * What is being looked at stands in the address, so that Back, reload and a pasted link do what they should. In its
 * fragment, which no browser sends: no address of a recipient gets into anybody's access log.
 */
import { useCallback, useMemo, useSyncExternalStore } from "react";

const EMPTY = {
  state: "",
  reason: "",
  kind: "",
  recipient: "",
  /** One of the spans of `filters.tsx`, or `custom`: then `since` and `until` count. */
  time: "",
  since: "",
  until: "",
  /** The id of the open letter. */
  letter: "",
};

export type Address = Readonly<typeof EMPTY>;
export type Go = (change: Partial<Address>) => void;

const MOVED = "outbox:moved";

export function useAddress(): [Address, Go] {
  const fragment = useSyncExternalStore(subscribe, () => location.hash);
  const address = useMemo(() => parse(fragment), [fragment]);
  const go = useCallback<Go>((change) => {
    const entries = Object.entries({ ...parse(location.hash), ...change }).filter(([, value]) => value !== "");
    const next = new URLSearchParams(entries).toString();
    if (`#${next}` === (location.hash || "#")) return;
    history.pushState(null, "", next ? `#${next}` : location.pathname);
    dispatchEvent(new Event(MOVED));
  }, []);
  return [address, go];
}

/** For a link that opens a letter and keeps the rest. */
export function letterHref(address: Address, letter: string): string {
  return `#${new URLSearchParams(Object.entries({ ...address, letter }).filter(([, value]) => value !== ""))}`;
}

function parse(fragment: string): Address {
  const given = new URLSearchParams(fragment.slice(1));
  const read = (name: keyof Address): string => given.get(name) ?? "";
  const letter = read("letter");
  return {
    state: read("state"),
    reason: read("reason"),
    kind: read("kind"),
    recipient: read("recipient"),
    time: read("time"),
    since: read("since"),
    until: read("until"),
    letter: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(letter) ? letter : "",
  };
}

function subscribe(onChange: () => void): () => void {
  const events = ["hashchange", "popstate", MOVED];
  for (const event of events) addEventListener(event, onChange);
  return () => {
    for (const event of events) removeEventListener(event, onChange);
  };
}
