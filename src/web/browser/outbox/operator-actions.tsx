/** What operators did to the mail, newest first, from the audit. */
import { Modal } from "../ui/modal.tsx";
import { count, moment, wordsOf } from "../ui/words.ts";
import { type OperatorAction, useApi } from "./api.ts";
import { usePoll } from "../ui/use-poll.ts";

export function OperatorActions({ onClose }: { readonly onClose: () => void }) {
  const api = useApi();
  const { data, error, failingSince } = usePoll((signal) => api.actions(signal), "actions");
  return (
    <Modal className="dialog large" title="Actions of operators" onClose={onClose}>
      <p className="quiet">The last 100, on this page or at the command line.</p>
      <p className="error" role="alert">
        {failingSince === null ? null : wordsOf(error)}
      </p>
      {data?.length === 0 && <p className="empty">No operator has done anything yet.</p>}
      {data && data.length > 0 && <ActionTable items={data} />}
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Modal>
  );
}

const ActionTable = ({ items }: { readonly items: readonly OperatorAction[] }) => (
  <div className="scroller" tabIndex={0} role="group" aria-label="Actions of operators">
    <table className="plain">
      <thead>
        <tr>
          <th scope="col">Action</th>
          <th scope="col">By</th>
          <th scope="col" className="number">
            When
          </th>
        </tr>
      </thead>
      <tbody>
        {items.map((item) => (
          <tr key={item.id}>
            <th scope="row" className="recipient">
              {whatOf(item)}
            </th>
            <td>{item.actor ?? item.details?.["by"] ?? "a deleted account"}</td>
            <td className="number">
              <time dateTime={item.at}>{moment(item.at)}</time>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

function whatOf({ action, details }: OperatorAction): string {
  const { message = "", email = "", count: number = "0", filter = "{}" } = details ?? {};
  switch (action) {
    case "message_retried":
      return `Retried message ${message}`;
    case "message_cancelled":
      return `Cancelled message ${message}`;
    case "messages_retried":
      return `Retried ${count(Number(number))} messages ${filterInWords(filter)}`;
    case "messages_cancelled":
      return `Cancelled ${count(Number(number))} messages ${filterInWords(filter)}`;
    case "mail_paused":
      return "Paused mail";
    case "mail_resumed":
      return "Resumed mail";
    case "address_suppressed":
      return `Suppressed ${email}`;
    case "suppression_lifted":
      return `Lifted the suppression of ${email}`;
    default:
      return action;
  }
}

/** "with state failed, search bulk.example" */
function filterInWords(filter: string): string {
  const fields = Object.entries(JSON.parse(filter) as Record<string, string>);
  const shown = fields.filter(([name]) => name !== "until").map(([name, value]) => `${name} ${value}`);
  return shown.length === 0 ? "" : `with ${shown.join(", ")}`;
}
