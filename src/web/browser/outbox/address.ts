/** What the page shows, as the fragment of its address holds it: the filters and the open message. */
import { useCallback, useMemo } from "react";
import { currentFragment, useFragment } from "../ui/use-fragment.ts";

const EMPTY = {
  state: "",
  reason: "",
  kind: "",
  /** A part of an address, name or username. */
  search: "",
  /** One of the spans of `filters.tsx`, or `custom`: then `since` and `until` count. */
  time: "",
  since: "",
  until: "",
  /** The id of the open message. */
  message: "",
};

export type Address = Readonly<typeof EMPTY>;
export type Go = (change: Partial<Address>) => void;

export function useAddress(): [Address, Go] {
  const [fragment, goTo] = useFragment();
  const address = useMemo(() => parse(fragment), [fragment]);
  const go = useCallback<Go>((change) => goTo(fragmentOf({ ...parse(currentFragment()), ...change })), [goTo]);
  return [address, go];
}

/** For a link that opens a message and keeps the rest. */
export const messageHref = (address: Address, message: string): string => `#${fragmentOf({ ...address, message })}`;

const fragmentOf = (address: Address): string =>
  new URLSearchParams(Object.entries(address).filter(([, value]) => value !== "")).toString();

function parse(fragment: string): Address {
  const given = new URLSearchParams(fragment);
  const read = (name: keyof Address): string => given.get(name) ?? "";
  const message = read("message");
  return {
    state: read("state"),
    reason: read("reason"),
    kind: read("kind"),
    search: read("search"),
    time: read("time"),
    since: read("since"),
    until: read("until"),
    message: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(message) ? message : "",
  };
}
