/** One account, in a drawer over the list: its state, what can be done, its emails, its sessions and its history. */
import { type ReactNode, useState } from "react";
import { Icon } from "../ui/icons.tsx";
import { Modal } from "../ui/modal.tsx";
import { Problem } from "../ui/session.ts";
import { Tabs } from "../ui/tabs.tsx";
import { usePoll } from "../ui/use-poll.ts";
import { type Person as Account, useApi } from "./api.ts";
import { AccountBadge } from "./people-table.tsx";
import { PersonActions } from "./person-actions.tsx";
import { PersonEmails } from "./person-emails.tsx";
import { PersonHistory, PersonSessions } from "./person-records.tsx";
import { moment, w, wordsOf } from "./words.tsx";

interface PersonProps {
  readonly username: string;
  /** The superuser who looks. */
  readonly me: string;
  readonly onClose: () => void;
}

type View = "account" | "emails" | "sessions" | "history";
const VIEWS: readonly View[] = ["account", "emails", "sessions", "history"];

export function Person({ username, me, onClose }: PersonProps) {
  const api = useApi();
  const { data, error, failingSince, refresh } = usePoll((signal) => api.person(username, signal), username);
  const [view, setView] = useState<View>("account");
  const gone = error instanceof Problem && error.status === 404;
  const shown = gone ? null : data;
  return (
    <Modal className="drawer" title={<span dir="auto">{shown?.name ?? username}</span>} onClose={onClose} light>
      <button type="button" className="button quiet drawer-close" aria-label={w.close} onClick={onClose}>
        <Icon name="close" />
      </button>
      {failingSince !== null && (
        <p className="error" role="alert">
          {gone ? w.notFound : wordsOf(error)}
        </p>
      )}
      {!shown && failingSince === null && <p className="quiet">{w.loading}</p>}
      {shown && (
        <>
          <div className="person-state">
            <p>
              <AccountBadge state={shown.state} superuser={shown.superuser} />
              <span dir="auto">{shown.email}</span>
            </p>
            <p className="quiet">{w.stateMeans[shown.state]}</p>
          </div>
          <PersonActions person={shown} me={me} onChanged={refresh} onDeleted={onClose} />
          <Tabs
            label={w.view}
            chosen={view}
            onChoose={(name) => setView(VIEWS.find((known) => known === name) ?? "account")}
            tabs={VIEWS.map((name) => ({ name, label: w.tabs[name] }))}
          >
            {view === "account" && <Facts person={shown} />}
            {view === "emails" && <PersonEmails username={username} />}
            {view === "sessions" && <PersonSessions username={username} />}
            {view === "history" && <PersonHistory username={username} />}
          </Tabs>
        </>
      )}
    </Modal>
  );
}

const Facts = ({ person }: { readonly person: Account }) => (
  <dl className="facts">
    <Fact term={w.username}>{person.username}</Fact>
    <Fact term={w.email}>
      <span dir="auto">{person.email}</span>{" "}
      <span className="quiet">({person.email_verified ? w.confirmed : w.notConfirmed})</span>
    </Fact>
    <Fact term={w.dept}>
      <span dir="auto">{person.dept}</span>
    </Fact>
    <Fact term={w.language}>{person.locale === null ? w.browserLanguage : w.languages[person.locale]}</Fact>
    <Fact term={w.lastLogin}>{person.last_login_at === null ? w.never : moment(person.last_login_at)}</Fact>
    <Fact term={w.created}>{moment(person.created_at)}</Fact>
  </dl>
);

const Fact = ({ term, children }: { readonly term: string; readonly children: ReactNode }) => (
  <>
    <dt>{term}</dt>
    <dd>{children}</dd>
  </>
);
