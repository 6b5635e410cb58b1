/** The development inbox: the list, and the email that is open. Its id is kept in the address (`#<id>`). */
import { useEffect, useEffectEvent, useRef, useState } from "react";
import { Confirm } from "../ui/confirm.tsx";
import { useFragment } from "../ui/use-fragment.ts";
import { deleteAll, deleteEmail } from "./api.ts";
import { Bar } from "./bar.tsx";
import { Email } from "./email.tsx";
import { EmptyInbox } from "./empty-inbox.tsx";
import { Emails } from "./emails.tsx";
import { useFocusLater } from "./use-focus-later.ts";
import { useMailbox } from "./use-mailbox.ts";
import { useOpenEmail } from "./use-open-email.ts";
import { useReadMarks } from "./use-read-marks.ts";

/** From this width on, the list stands beside the email. */
const wide = matchMedia("(min-width: 760px)");

export function App() {
  const [typed, setTyped] = useState("");
  const search = typed.trim();
  const { connection, emails, found, load, drop } = useMailbox(search);
  const [openId, goTo] = useFragment();
  const { read, mark, clear } = useReadMarks();
  const [clearing, setClearing] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const focusLater = useFocusLater();

  const focusSubject = (id: string): void => {
    if (id) focusLater(() => document.querySelector<HTMLElement>(`[data-email="${CSS.escape(id)}"] h2`));
  };
  const email = useOpenEmail(openId, { onShown: mark, onChosen: focusSubject, onMissing: () => goTo("", "replace") });
  const view = email ? "email" : emails === null ? "loading" : emails.length > 0 || search !== "" ? "list" : "empty";

  const rows = (): HTMLElement[] => [...(list.current?.querySelectorAll<HTMLElement>(".row") ?? [])];
  const rowOf = (id: string): HTMLElement | undefined => rows().find((row) => row.dataset["id"] === id);

  const close = (): void => {
    goTo("");
    focusLater(() => rowOf(openId) ?? rows()[0]);
  };
  const resetSearch = (): void => {
    setTyped("");
    focusLater(() => (list.current?.dataset["found"] === "" ? rows()[0] : null));
  };
  /** Along the rows. Beside an open list the email follows. */
  const move = (step: 1 | -1): void => {
    const all = rows();
    const current = all.find((row) => row === document.activeElement) ?? rowOf(openId);
    const next = all[current ? all.indexOf(current) + step : 0];
    next?.focus();
    if (next && email) goTo(next.dataset["id"] ?? "", "replace");
  };
  const removeOpen = async (): Promise<void> => {
    const at = emails?.findIndex(({ id }) => id === openId) ?? -1;
    const left = emails?.filter(({ id }) => id !== openId) ?? [];
    await deleteEmail(openId);
    drop(openId);
    const next = left[at] ?? left.at(-1);
    if (!wide.matches || !next) return close();
    goTo(next.id, "replace");
    focusSubject(next.id);
  };
  const clearAll = async (): Promise<void> => {
    await deleteAll();
    setTyped("");
    clear();
    goTo("", "replace");
    await load("");
  };

  const onKey = useEffectEvent((event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const { activeElement } = document;
    if (activeElement === field.current) {
      if (event.key === "Escape") resetSearch();
      else if (event.key === "ArrowDown" || event.key === "Enter") rows()[0]?.focus();
      else return;
      return event.preventDefault();
    }
    // In an email the arrows scroll it; they move in the list and where nothing has the focus.
    const inList = activeElement === document.body || list.current?.contains(activeElement);
    if (event.key === "j" || (event.key === "ArrowDown" && inList)) move(1);
    else if (event.key === "k" || (event.key === "ArrowUp" && inList)) move(-1);
    else if (event.key === "/" && view !== "empty") {
      if (!wide.matches && email) goTo("");
      focusLater(() => field.current);
      field.current?.select();
    } else if (event.key === "Escape" && email) close();
    else return;
    event.preventDefault();
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent): void => onKey(event);
    addEventListener("keydown", listener);
    return () => removeEventListener("keydown", listener);
  }, []);

  const unread = emails?.filter(({ id }) => !read.has(id)).length ?? 0;
  useEffect(() => {
    document.title = `${unread > 0 && search === "" ? `(${unread}) ` : ""}Development inbox`;
  }, [unread, search]);

  return (
    <div className="inbox" data-view={view}>
      <Bar
        connection={connection}
        field={field}
        search={typed}
        onSearch={setTyped}
        clearable={emails !== null && (emails.length > 0 || search !== "")}
        onClear={() => setClearing(true)}
      />
      {view !== "loading" && (
        <main>
          {view === "empty" ? (
            <EmptyInbox />
          ) : (
            <>
              <Emails
                ref={list}
                emails={emails ?? []}
                found={found}
                read={read}
                openId={email?.id ?? null}
                onShowAll={resetSearch}
              />
              {email ? <Email key={email.id} email={email} onBack={close} onDelete={removeOpen} /> : <NoEmail />}
            </>
          )}
        </main>
      )}
      {clearing && (
        <Confirm
          title="Clear the inbox?"
          action="Delete all"
          keep="Keep them"
          danger
          run={clearAll}
          onClose={() => setClearing(false)}
        >
          <p>All emails are deleted, including those that the search does not show. This cannot be undone.</p>
        </Confirm>
      )}
    </div>
  );
}

const NoEmail = () => (
  <section className="notice no-email" aria-label="No email is open">
    <p>Choose an email to read it here.</p>
    <p className="keys">
      <span>
        <kbd>j</kbd> <kbd>k</kbd> next, previous
      </span>
      <span>
        <kbd>Enter</kbd> read
      </span>
      <span>
        <kbd>Esc</kbd> back
      </span>
      <span>
        <kbd>/</kbd> search
      </span>
    </p>
  </section>
);
