/** A page for superusers: signed out, refused, or at what it shows. */
import { type ReactNode, useCallback, useEffect, useState } from "react";
import { type Client, createClient } from "./client.ts";
import { Problem, Session } from "./session.ts";
import { Refused, SignIn, type SignInWords } from "./sign-in.tsx";
import { SiteNav } from "./site-nav.tsx";

interface SignedInProps<T> {
  /** The path of the API. */
  readonly base: string;
  /** The path of this page, for the links to the others. */
  readonly current: string;
  readonly mark: ReactNode;
  readonly words: SignInWords;
  /** Reads what only superusers may. @throws {Problem} with the status 403 for everyone else. */
  readonly open: (client: Client) => Promise<T>;
  readonly children: (opened: T, username: string, signOut: () => void) => ReactNode;
}

type Stage<T> =
  | { readonly name: "out"; readonly username: string; readonly note: string | null }
  | { readonly name: "refused"; readonly username: string }
  | { readonly name: "in"; readonly session: Session; readonly opened: T };

export function SignedIn<T>({ base, current, mark, words, open, children }: SignedInProps<T>) {
  const [stage, setStage] = useState<Stage<T>>({ name: "out", username: "", note: null });

  /** @throws {Problem} {TypeError} when it does not work out. */
  const signIn = useCallback(
    async (username: string, password: string): Promise<void> => {
      const session = await Session.open(base, username, password);
      const client = createClient(session, (why) => {
        if (why === "forbidden") session.close();
        setStage(why === "ended" ? { name: "out", username, note: words.ended } : { name: "refused", username });
      });
      try {
        setStage({ name: "in", session, opened: await open(client) });
      } catch (error) {
        if (!(error instanceof Problem && error.status === 403)) throw error;
      }
    },
    [base, words, open],
  );

  const session = stage.name === "in" ? stage.session : null;
  useEffect(() => {
    if (!session) return;
    const leave = (event: PageTransitionEvent): void => {
      if (!event.persisted) session.close();
    };
    addEventListener("pagehide", leave);
    return () => removeEventListener("pagehide", leave);
  }, [session]);

  if (stage.name === "in") {
    return children(stage.opened, stage.session.username, () => {
      stage.session.close();
      setStage({ name: "out", username: "", note: words.signedOut });
    });
  }
  return (
    <main className="gate">
      <div className="gate-card">
        {mark}
        {stage.name === "out" ? (
          <SignIn words={words} username={stage.username} note={stage.note} signIn={signIn} />
        ) : (
          <Refused
            words={words}
            username={stage.username}
            onBack={() => setStage({ name: "out", username: "", note: null })}
          />
        )}
      </div>
      <SiteNav current={current} />
    </main>
  );
}
