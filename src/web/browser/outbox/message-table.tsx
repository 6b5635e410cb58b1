import type { KeyboardEvent } from "react";
import { type Address, messageHref } from "./address.ts";
import { type MessageSummary, useApi } from "./api.ts";
import type { Row } from "./use-steady-rows.ts";
import { StateBadge } from "./state-badge.tsx";
import { capital, duration, moment, secondsBetween, spaced, wait } from "../ui/words.ts";

interface MessageTableProps {
  readonly rows: readonly Row[];
  readonly address: Address;
  /** Another page is on its way. */
  readonly busy: boolean;
  /** The pointer or the focus came in, or left. */
  readonly onHold: (held: boolean) => void;
}

export const MessageTable = ({ rows, address, busy, onHold }: MessageTableProps) => (
  <table
    className="message-table"
    aria-labelledby="messages-title"
    aria-busy={busy}
    onPointerEnter={(event) => event.pointerType === "mouse" && onHold(true)}
    onPointerLeave={(event) => !event.currentTarget.contains(document.activeElement) && onHold(false)}
    onFocus={() => onHold(true)}
    onKeyDown={moveByKey}
    onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && onHold(false)}
  >
    <thead>
      <tr>
        <th scope="col">Recipient</th>
        <th scope="col" className="from-tablet">
          Kind
        </th>
        <th scope="col">State</th>
        <th scope="col" className="number from-tablet">
          Attempts
        </th>
        <th scope="col" className="number from-tablet">
          Accepted
        </th>
        <th scope="col" className="number from-tablet">
          Ended, or due
        </th>
      </tr>
    </thead>
    <tbody>
      {rows.map((row) => (
        <TableRow key={row.id} row={row} address={address} />
      ))}
    </tbody>
  </table>
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

function TableRow({ row, address }: { readonly row: Row; readonly address: Address }) {
  return (
    <tr data-state={row.state} data-open={row.id === address.message}>
      <th scope="row" className="recipient">
        <a href={messageHref(address, row.id)} className="row-link" dir="auto">
          {row.recipient ?? row.username ?? "no account"}
        </a>
        <span className="quiet small from-tablet">{row.recipient && row.username}</span>
        <span className="quiet small on-phone">{spaced(row.kind)}</span>
      </th>
      <td className="from-tablet">
        {capital(spaced(row.kind))}
        {row.retry_of && <span className="quiet small"> retry</span>}
      </td>
      <td>
        {row.gone ? (
          <span className="quiet">not {row.state} any more</span>
        ) : (
          <StateBadge state={row.state} reason={row.reason} />
        )}
        <span className="quiet small on-phone">{moment(row.created_at)}</span>
      </td>
      <td className="number from-tablet">{row.attempts}</td>
      <td className="number from-tablet">
        <time dateTime={row.created_at} title={row.created_at}>
          {moment(row.created_at)}
        </time>
      </td>
      <td className="number from-tablet">
        <Ending row={row} />
      </td>
    </tr>
  );
}

/** How long it took; or, of what is queued, when it is tried next. */
function Ending({ row }: { readonly row: MessageSummary }) {
  const api = useApi();
  if (row.ended_at !== null) {
    return (
      <time dateTime={row.ended_at} title={row.ended_at}>
        after {duration(Math.max(0, secondsBetween(row.created_at, row.ended_at)))}
      </time>
    );
  }
  if (row.due_at === null) return <span className="quiet">being sent</span>;
  const left = wait(secondsBetween(api.now(), row.due_at));
  return <span className="quiet">{left ? `due in ${left}` : "due"}</span>;
}
