/** The sessions of an account, and what the audit log has about it. */
import { usePoll } from "../ui/use-poll.ts";
import { type AuditEvent, useApi } from "./api.ts";
import { moment, w, wordsOf } from "./words.tsx";

export function PersonSessions({ username }: { readonly username: string }) {
  const api = useApi();
  const { data, error, failingSince } = usePoll((signal) => api.devices(username, signal), username);
  if (failingSince !== null && !data) return <p className="error">{wordsOf(error)}</p>;
  if (!data) return <p className="quiet">{w.loading}</p>;
  if (data.length === 0) return <p className="quiet">{w.noSessions}</p>;
  return (
    <table className="plain">
      <thead>
        <tr>
          <th scope="col">{w.session}</th>
          <th scope="col" className="number">
            {w.lastUsed}
          </th>
          <th scope="col" className="number from-tablet">
            {w.loggedIn}
          </th>
        </tr>
      </thead>
      <tbody>
        {data.map((device) => (
          <tr key={device.id}>
            <th scope="row" className="recipient">
              {device.browser ?? w.unknownDevice}{" "}
              {device.ip && (
                <span className="quiet">
                  {w.from} {device.ip}
                </span>
              )}
            </th>
            <td className="number">
              <time dateTime={device.used_at}>{moment(device.used_at)}</time>
            </td>
            <td className="number from-tablet">
              <time dateTime={device.created_at}>{moment(device.created_at)}</time>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function PersonHistory({ username }: { readonly username: string }) {
  const api = useApi();
  const { data, error, failingSince } = usePoll((signal) => api.history(username, signal), username);
  if (failingSince !== null && !data) return <p className="error">{wordsOf(error)}</p>;
  if (!data) return <p className="quiet">{w.loading}</p>;
  if (data.length === 0) return <p className="quiet">{w.noHistory}</p>;
  return (
    <table className="plain history">
      <thead>
        <tr>
          <th scope="col">{w.what}</th>
          <th scope="col">{w.by}</th>
          <th scope="col" className="number">
            {w.when}
          </th>
        </tr>
      </thead>
      <tbody>
        {data.map((event) => (
          <tr key={event.id}>
            <th scope="row" className="recipient">
              {w.actions[event.action] ?? event.action}
              <span className="quiet small" dir="auto">
                {detailsOf(event)}
              </span>
            </th>
            <td>{actorOf(event, username)}</td>
            <td className="number">
              <time dateTime={event.at}>{moment(event.at)}</time>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const actorOf = ({ actor }: AuditEvent, username: string): string => {
  if (actor === null) return w.noActor;
  return actor === username ? w.itself : actor;
};

const detailsOf = ({ details, ip, browser }: AuditEvent): string =>
  [...Object.entries(details ?? {}).map(([name, value]) => `${name}: ${value}`), browser, ip]
    .filter(Boolean)
    .join(", ");
