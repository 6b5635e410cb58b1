/** What the page shows, as the fragment of its address holds it: the filters and the open account. */
import { useCallback, useMemo } from "react";
import { ACCOUNT_STATES } from "../../../db/states.ts";
import { currentFragment, useFragment } from "../ui/use-fragment.ts";

export interface Address {
  readonly search: string;
  readonly state: string;
  readonly dept: string;
  /** The username of the open account; empty: none is open. */
  readonly person: string;
}

export type Go = (change: Partial<Address>) => void;

export function useAddress(): [Address, Go] {
  const [fragment, goTo] = useFragment();
  const address = useMemo(() => parse(fragment), [fragment]);
  const go = useCallback<Go>((change) => goTo(fragmentOf({ ...parse(currentFragment()), ...change })), [goTo]);
  return [address, go];
}

/** For a link that opens an account and keeps the rest. */
export const personHref = (address: Address, person: string): string => `#${fragmentOf({ ...address, person })}`;

export const NO_FILTER = { search: "", state: "", dept: "" };

export const isFiltered = ({ search, state, dept }: Address): boolean => `${search}${state}${dept}` !== "";

const fragmentOf = (address: Address): string =>
  new URLSearchParams(Object.entries(address).filter(([, value]) => value !== "")).toString();

function parse(fragment: string): Address {
  const given = new URLSearchParams(fragment);
  const read = (name: keyof Address): string => given.get(name) ?? "";
  const [state, person] = [read("state"), read("person")];
  return {
    search: read("search"),
    state: ACCOUNT_STATES.some((known) => known === state) ? state : "",
    dept: read("dept"),
    person: /^[a-z0-9-]{1,64}$/.test(person) ? person : "",
  };
}
