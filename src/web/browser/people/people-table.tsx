import type { KeyboardEvent } from "react";
import type { AccountState } from "../../../db/states.ts";
import { type Address, personHref } from "./address.ts";
import type { Person } from "./api.ts";
import { moment, w } from "./words.tsx";

interface PeopleTableProps {
  readonly people: readonly Person[];
  readonly address: Address;
  /** Another page is on its way. */
  readonly busy: boolean;
}

export const PeopleTable = ({ people, address, busy }: PeopleTableProps) => (
  <table className="message-table" aria-labelledby="accounts-title" aria-busy={busy} onKeyDown={moveByKey}>
    <thead>
      <tr>
        <th scope="col">{w.name}</th>
        <th scope="col" className="from-tablet">
          {w.email}
        </th>
        <th scope="col">{w.state}</th>
        <th scope="col" className="from-tablet">
          {w.dept}
        </th>
        <th scope="col" className="number from-tablet">
          {w.lastLogin}
        </th>
      </tr>
    </thead>
    <tbody>
      {people.map((person) => (
        <tr key={person.username} data-open={person.username === address.person}>
          <th scope="row" className="recipient">
            <a href={personHref(address, person.username)} className="row-link" dir="auto">
              {person.name}
            </a>
            <span className="quiet small from-tablet">{person.username}</span>
            <span className="quiet small on-phone" dir="auto">
              {person.email}
            </span>
          </th>
          <td className="recipient from-tablet" dir="auto">
            {person.email}
          </td>
          <td>
            <AccountBadge state={person.state} superuser={person.superuser} />
          </td>
          <td className="from-tablet" dir="auto">
            {person.dept}
          </td>
          <td className="number from-tablet">
            {person.last_login_at === null ? (
              <span className="quiet">{w.never}</span>
            ) : (
              <time dateTime={person.last_login_at}>{moment(person.last_login_at)}</time>
            )}
          </td>
        </tr>
      ))}
    </tbody>
  </table>
);

export const AccountBadge = ({ state, superuser }: { readonly state: AccountState; readonly superuser: boolean }) => (
  <span className="badge" data-state={state}>
    <span className="badge-state">{w.states[state]}</span>
    {superuser && <span className="tag">{w.superuser}</span>}
  </span>
);

/** Along the rows, as in a list. */
function moveByKey(event: KeyboardEvent<HTMLTableElement>): void {
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>("a")];
  const next = links[links.findIndex((link) => link === document.activeElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
